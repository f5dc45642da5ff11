/* SPDX-License-Identifier: Apache-2.0 */
/* thumbq-thumbnail as the daemon runs it: real processes, real frames, and pictures that other
 * programs have made. */
#include "formats/sniff.h"
#include "handler_fixture.h"

#include <string.h>

/* Every source shows the same four fields: red, green, blue and white. Well inside each field the
 * colour is known, whatever the filter does at the edges. */
#define FIELDS                                                                                     \
    "convert -size 80x60 xc:red -size 80x60 xc:lime +append top.png && "                           \
    "convert -size 80x60 xc:blue -size 80x60 xc:white +append bottom.png && "                      \
    "convert top.png bottom.png -append -depth 8 PNG24:fields.png"

typedef struct {
    /* Name of the file. */
    const char *name;
    /* Command that makes the file from fields.png; NULL: the file is fields.png itself. */
    const char *command;
    /* Expected error, type, pages, orientation, alpha, damaged. */
    WireResult expected;
    /* Tolerance of the colours; 0: they are not compared. */
    int slack;
} SourceCase;

#define DECODED(t, p, ...)                                                                         \
    {                                                                                              \
        .facts = {.type = (t), .pages = (p), .orientation = 1, __VA_ARGS__ }                       \
    }

static const SourceCase sources[] = {
    {"a.jpg", "convert fields.png -quality 95 a.jpg", DECODED(IMAGE_JPEG, 1, 0), 12},
    {"prog.jpg", "convert fields.png -quality 95 -interlace JPEG prog.jpg",
     DECODED(IMAGE_JPEG, 1, 0), 12},
    {"p3.jpg", "vips icc_transform fields.png 'p3.jpg[Q=98]' p3 --input-profile srgb",
     DECODED(IMAGE_JPEG, 1, 0), 16},
    {"srgb.jpg", "vips icc_transform fields.png 'srgb.jpg[Q=98]' srgb --input-profile srgb",
     DECODED(IMAGE_JPEG, 1, 0), 12},
    {"cmyk.jpg", "convert fields.png -colorspace CMYK -quality 95 cmyk.jpg",
     DECODED(IMAGE_JPEG, 1, 0), 140},
    {"cmyk-icc.jpg", "vips icc_transform fields.png 'cmyk-icc.jpg[Q=98]' cmyk --input-profile srgb",
     DECODED(IMAGE_JPEG, 1, 0), 0},
    {"fields.png", "true", DECODED(IMAGE_PNG, 1, 0), 2},
    {"deep.png", "convert fields.png -depth 16 PNG48:deep.png", DECODED(IMAGE_PNG, 1, 0), 2},
    {"deep-alpha.png", "convert fields.png -alpha on -depth 16 PNG64:deep-alpha.png",
     DECODED(IMAGE_PNG, 1, .alpha = true), 2},
    {"palette.png", "convert fields.png PNG8:palette.png", DECODED(IMAGE_PNG, 1, 0), 2},
    {"interlaced.png", "convert fields.png -interlace PNG interlaced.png", DECODED(IMAGE_PNG, 1, 0),
     2},
    {"lossy.webp", "cwebp -quiet -q 95 fields.png -o lossy.webp", DECODED(IMAGE_WEBP, 1, 0), 24},
    {"lossless.webp", "cwebp -quiet -lossless fields.png -o lossless.webp",
     DECODED(IMAGE_WEBP, 1, 0), 2},
    {"a.gif", "convert fields.png a.gif", DECODED(IMAGE_GIF, 1, 0), 2},
    {"film.gif", "convert fields.png -size 160x120 xc:black xc:white film.gif",
     DECODED(IMAGE_GIF, 3, 0), 2},
    {"a.tif", "convert fields.png -compress LZW a.tif", DECODED(IMAGE_TIFF, 1, 0), 2},
    {"jpeg.tif", "convert fields.png -compress JPEG -quality 95 jpeg.tif",
     DECODED(IMAGE_TIFF, 1, 0), 12},
    {"tiles.tif", "vips tiffsave fields.png tiles.tif --tile --tile-width 32 --tile-height 32",
     DECODED(IMAGE_TIFF, 1, 0), 2},
    {"big.tif", "vips tiffsave fields.png big.tif --bigtiff", DECODED(IMAGE_TIFF, 1, 0), 2},
    {"deep.tif", "convert fields.png -depth 16 deep.tif", DECODED(IMAGE_TIFF, 1, 0), 2},
    {"pages.tif", "convert fields.png -size 10x10 xc:black pages.tif", DECODED(IMAGE_TIFF, 2, 0),
     2},
    {"a.heic", "heif-enc -q 95 fields.png -o a.heic", DECODED(IMAGE_HEIC, 1, 0), 24},
    {"a.avif", "vips heifsave fields.png a.avif --Q 95 --compression av1",
     DECODED(IMAGE_AVIF, 1, 0), 24},
    {"extension.png", "cp a.jpg extension.png", DECODED(IMAGE_JPEG, 1, 0), 12},
    /* The file has the upper half, and lacks the lower. */
    {"cut.jpg", "head -c $(($(stat -c %s noisy.jpg) * 6 / 10)) noisy.jpg > cut.jpg",
     DECODED(IMAGE_JPEG, 1, .damaged = true), 0},
    {"cut-prog.jpg",
     "head -c $(($(stat -c %s noisy-prog.jpg) * 6 / 10)) noisy-prog.jpg > cut-prog.jpg",
     DECODED(IMAGE_JPEG, 1, .damaged = true), 0},
    {"cut.png", "head -c $(($(stat -c %s noisy.png) * 6 / 10)) noisy.png > cut.png",
     DECODED(IMAGE_PNG, 1, .damaged = true), 0},
    {"flipped.png",
     "cp noisy.png flipped.png; printf XXXX | dd of=flipped.png bs=1 seek=30000 conv=notrunc",
     DECODED(IMAGE_PNG, 1, .damaged = true), 0},
};

static void test_source(const void *data)
{
    const SourceCase *row = data;
    WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_PNG);
    WireResult result;
    fixture_run(&order, row->name, &result);
    fixture_assert_error(&result, ERROR_NONE);

    const ImageFacts *facts = &result.facts, *expected = &row->expected.facts;
    g_assert_cmpstr(image_type_name(facts->type), ==, image_type_name(expected->type));
    g_assert_cmpint(facts->width, ==, 160);
    g_assert_cmpint(facts->height, ==, 120);
    g_assert_cmpint(facts->pages, ==, expected->pages);
    g_assert_cmpint(facts->orientation, ==, expected->orientation);
    g_assert_cmpint(facts->alpha, ==, expected->alpha);
    g_assert_cmpint(facts->damaged, ==, expected->damaged);
    g_assert_true(facts->has_color);
    g_assert_cmpint(facts->thumbhash_len, >, 5);
    g_assert_true(facts->etag[0] != 0 || facts->etag[1] != 0);

    g_assert_cmpuint(result.n_thumbnails, ==, 1);
    g_assert_cmpint(result.thumbnails[0].width, ==, 80);
    g_assert_cmpint(result.thumbnails[0].height, ==, 60);
    g_auto(Pixels) pixels = {0};
    pictures_read("out0", &pixels);
    g_assert_cmpint(pixels.width, ==, 80);
    g_assert_cmpint(pixels.height, ==, 60);
    if (row->slack > 0) {
        fixture_assert_color(&pixels, 0.25, 0.25, 0xff0000, row->slack);
        fixture_assert_color(&pixels, 0.75, 0.25, 0x00ff00, row->slack);
        fixture_assert_color(&pixels, 0.25, 0.75, 0x0000ff, row->slack);
        fixture_assert_color(&pixels, 0.75, 0.75, 0xffffff, row->slack);
    }
}

/* Options with which ImageMagick stores an upright picture, so that the orientation puts it right
 * again. */
static const char *const stored[] = {"",          "",           "-flop",       "-rotate 180",
                                     "-flip",     "-transpose", "-rotate 270", "-transverse",
                                     "-rotate 90"};

static void test_orientation(const void *data)
{
    int orientation = GPOINTER_TO_INT(data);
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "turned.jpg" : "turned.tif";
        g_autofree char *command =
            g_strdup_printf("convert fields.png %s +repage -quality 95 %s && "
                            "exiftool -q -overwrite_original -n -Orientation=%d %s",
                            stored[orientation], name, orientation, name);
        g_free(pictures_run(command));
        WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_PNG);
        WireResult result;
        fixture_run(&order, name, &result);
        fixture_assert_error(&result, ERROR_NONE);
        g_assert_cmpint(result.facts.orientation, ==, orientation);
        g_assert_cmpint(result.facts.width, ==, 160);
        g_assert_cmpint(result.facts.height, ==, 120);
        g_auto(Pixels) pixels = {0};
        pictures_read("out0", &pixels);
        fixture_assert_color(&pixels, 0.25, 0.25, 0xff0000, 12);
        fixture_assert_color(&pixels, 0.75, 0.25, 0x00ff00, 12);
        fixture_assert_color(&pixels, 0.25, 0.75, 0x0000ff, 12);
        fixture_assert_color(&pixels, 0.75, 0.75, 0xffffff, 12);
    }
}

typedef struct {
    const char *name, *command;
    ErrorCode error;
    ImageType type;
    /* 0: the usual limit. */
    int64_t max_file_size;
    int64_t max_output_size;
} Refusal;

#define BOMB                                                                                       \
    "python3 -c 'import struct, sys, zlib\n"                                                       \
    "def chunk(t, d): return struct.pack(\">I\", len(d)) + t + d + "                               \
    "struct.pack(\">I\", zlib.crc32(t + d))\n"                                                     \
    "sys.stdout.buffer.write(b\"\\x89PNG\\r\\n\\x1a\\n\" + chunk(b\"IHDR\", "                      \
    "struct.pack(\">IIBBBBB\", 60000, 60000, 8, 2, 0, 0, 0)) + "                                   \
    "chunk(b\"IDAT\", zlib.compress(bytes(1 << 20))) + chunk(b\"IEND\", b\"\"))' > bomb.png"

static const Refusal refusals[] = {
    {"empty", ": > empty", ERROR_EMPTY_FILE, IMAGE_NONE, 0, 0},
    {"text", "echo hello > text", ERROR_NOT_AN_IMAGE, IMAGE_NONE, 0, 0},
    {"text.jpg", "echo hello > text.jpg", ERROR_NOT_AN_IMAGE, IMAGE_NONE, 0, 0},
    {"a.bmp", "convert fields.png a.bmp", ERROR_UNSUPPORTED_TYPE, IMAGE_BMP, 0, 0},
    {"a.svg", "echo '<svg/>' > a.svg", ERROR_UNSUPPORTED_TYPE, IMAGE_SVG, 0, 0},
    {"bomb.png", BOMB, ERROR_TOO_MANY_PIXELS, IMAGE_PNG, 0, 0},
    {"big.jpg", "convert -size 1001x1000 xc:red big.jpg", ERROR_TOO_MANY_PIXELS, IMAGE_JPEG, 0, 0},
    {"a.jpg", "true", ERROR_FILE_TOO_LARGE, IMAGE_NONE, 500, 0},
    {"fields.png", "true", ERROR_OUTPUT_TOO_LARGE, IMAGE_PNG, 0, 50},
    {"head.jpg", "head -c 700 noisy.jpg > head.jpg", ERROR_DAMAGED, IMAGE_JPEG, 0, 0},
    {"soi.jpg", "head -c 3 a.jpg > soi.jpg", ERROR_DAMAGED, IMAGE_JPEG, 0, 0},
    {"head.png", "head -c 40 fields.png > head.png", ERROR_DAMAGED, IMAGE_PNG, 0, 0},
    {"head.gif", "head -c 10 a.gif > head.gif", ERROR_DAMAGED, IMAGE_GIF, 0, 0},
    {"cut.webp", "head -c 100 lossy.webp > cut.webp", ERROR_DAMAGED, IMAGE_WEBP, 0, 0},
    {"cut.heic", "head -c 300 a.heic > cut.heic", ERROR_DAMAGED, IMAGE_HEIC, 0, 0},
    {"cut.tif", "head -c 100 a.tif > cut.tif", ERROR_DAMAGED, IMAGE_TIFF, 0, 0},
};

/* All of these are refused. The worker stays the same and makes the same thumbnail. */
static void test_refusals(void)
{
    WireOrder good = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_WEBP);
    WireResult before, after, result;
    fixture_run(&good, "a.jpg", &before);
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        const Refusal *row = &refusals[i];
        WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_PNG);
        order.max_file_size = row->max_file_size > 0 ? row->max_file_size : order.max_file_size;
        order.max_output_size =
            row->max_output_size > 0 ? row->max_output_size : order.max_output_size;
        g_test_message("%s", row->name);
        fixture_run(&order, row->name, &result);
        fixture_assert_error(&result, row->error);
        g_assert_cmpstr(image_type_name(result.facts.type), ==, image_type_name(row->type));
        g_assert_cmpuint(result.n_thumbnails, ==, 0);
    }
    fixture_run(&good, "a.jpg", &after);
    /* The memory of the process may differ. */
    after.memory_bytes = before.memory_bytes;
    after.cpu_us = before.cpu_us;
    g_assert_cmpmem(&before, sizeof before, &after, sizeof after);
}

static void test_unchanged(void)
{
    WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_JPEG);
    WireResult first, second, third;
    fixture_run(&order, "a.jpg", &first);
    memcpy(order.known_etag, first.facts.etag, sizeof order.known_etag);
    fixture_run(&order, "a.jpg", &second);
    fixture_assert_error(&second, ERROR_NONE);
    g_assert_true(second.unchanged);
    g_assert_cmpuint(second.n_thumbnails, ==, 0);
    g_assert_cmpmem(second.facts.etag, 16, first.facts.etag, 16);
    fixture_run(&order, "fields.png", &third);
    g_assert_false(third.unchanged);
    g_assert_cmpuint(third.n_thumbnails, ==, 1);
}

typedef struct {
    Fit fit;
    Format format;
    /* Requested size, for a picture of 160 x 120. */
    int width, height;
    /* Size of the thumbnail. */
    int to_width, to_height;
    ImageType type;
} Made;

static const Made made[] = {
    {FIT_INSIDE, FORMAT_WEBP, 40, 40, 40, 30, IMAGE_WEBP},
    {FIT_INSIDE, FORMAT_JPEG, 100, 100, 100, 75, IMAGE_JPEG},
    {FIT_INSIDE, FORMAT_AVIF, 64, 64, 64, 48, IMAGE_AVIF},
    {FIT_COVER, FORMAT_PNG, 60, 60, 60, 60, IMAGE_PNG},
    {FIT_COVER, FORMAT_JPEG, 20, 100, 20, 100, IMAGE_JPEG},
    {FIT_ATTENTION, FORMAT_PNG, 30, 30, 30, 30, IMAGE_PNG},
    {FIT_ENTROPY, FORMAT_PNG, 50, 30, 50, 30, IMAGE_PNG},
    {FIT_FILL, FORMAT_PNG, 100, 10, 100, 10, IMAGE_PNG},
    {FIT_INSIDE, FORMAT_SAME, 500, 500, 160, 120, IMAGE_PNG},
    {FIT_COVER, FORMAT_AUTO, 150, 300, 150, 120, IMAGE_JPEG},
};

/* Each rendition of an order is the same as it would be alone. */
static void test_renditions(void)
{
    WireOrder order = fixture_order;
    order.n_renditions = G_N_ELEMENTS(made);
    for (size_t i = 0; i < order.n_renditions; i++)
        order.renditions[i] =
            fixture_order_of(made[i].width, made[i].height, made[i].fit, made[i].format)
                .renditions[0];
    WireResult result;
    fixture_run(&order, "fields.png", &result);
    fixture_assert_error(&result, ERROR_NONE);
    g_assert_cmpuint(result.n_thumbnails, ==, order.n_renditions);
    for (size_t i = 0; i < order.n_renditions; i++) {
        char name[16];
        g_snprintf(name, sizeof name, "out%zu", i);
        g_autofree char *path = pictures_path(name);
        g_autofree char *bytes = NULL;
        gsize len;
        g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
        const FileFormat *format = sniff(bytes, len);
        g_assert_nonnull(format);
        g_assert_cmpint(format->type, ==, made[i].type);
        g_assert_cmpint(result.thumbnails[i].type, ==, made[i].type);
        g_assert_cmpint(result.thumbnails[i].width, ==, made[i].to_width);
        g_assert_cmpint(result.thumbnails[i].height, ==, made[i].to_height);
        g_auto(Pixels) pixels = {0};
        pictures_read(name, &pixels);
        g_assert_cmpint(pixels.width, ==, made[i].to_width);
        g_assert_cmpint(pixels.height, ==, made[i].to_height);
        if (made[i].fit != FIT_INSIDE && made[i].fit != FIT_FILL)
            continue;
        fixture_assert_color(&pixels, 0.25, 0.25, 0xff0000, 24);
        fixture_assert_color(&pixels, 0.75, 0.75, 0xffffff, 24);
    }
}

/* The part of the picture that a crop keeps: the red object, the busy part, the middle. */
static void test_crops(void)
{
    g_free(pictures_run("convert -size 400x100 xc:gray -fill red -draw 'circle 340,50 340,80' "
                        "red.png && "
                        "convert -size 100x100 -seed 1 plasma:red-blue busy-part.png && "
                        "convert -size 300x100 xc:gray busy-part.png +append busy.png && "
                        "convert -size 100x100 xc:red xc:lime xc:blue +append thirds.png"));
    static const struct {
        const char *name;
        Fit fit;
        /* Colour in the middle; 0: any colour except grey. */
        uint32_t color;
    } rows[] = {{"red.png", FIT_ATTENTION, 0xff0000},
                {"busy.png", FIT_ENTROPY, 0},
                {"thirds.png", FIT_COVER, 0x00ff00}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        WireOrder order = fixture_order_of(50, 50, rows[i].fit, FORMAT_PNG);
        WireResult result;
        fixture_run(&order, rows[i].name, &result);
        fixture_assert_error(&result, ERROR_NONE);
        g_auto(Pixels) pixels = {0};
        pictures_read("out0", &pixels);
        const uint8_t *pixel = pixels_at(&pixels, 0.7, 0.5);
        if (rows[i].color != 0)
            fixture_assert_color(&pixels, 0.7, 0.5, rows[i].color, 8);
        else
            g_assert_false(pixel[0] == pixel[1] && pixel[1] == pixel[2]);
    }
}

/* The profile in the picture decides the colours: they are those that libvips gives for the whole
 * picture. */
static void test_profiles(void)
{
    const char *const names[] = {"p3.jpg", "cmyk-icc.jpg"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *command =
            g_strdup_printf("vips icc_transform %s reference.png srgb --embedded", names[i]);
        g_free(pictures_run(command));
        WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_PNG);
        WireResult result;
        fixture_run(&order, names[i], &result);
        fixture_assert_error(&result, ERROR_NONE);
        g_auto(Pixels) pixels = {0}, reference = {0};
        pictures_read("out0", &pixels);
        pictures_read("reference.png", &reference);
        for (int field = 0; field < 4; field++) {
            double x = field % 2 ? 0.75 : 0.25, y = field / 2 ? 0.75 : 0.25;
            const uint8_t *pixel = pixels_at(&reference, x, y);
            uint32_t color = (uint32_t)pixel[0] << 16 | (uint32_t)pixel[1] << 8 | pixel[2];
            fixture_assert_color(&pixels, x, y, color, 6);
        }
    }
}

static void test_alpha(void)
{
    g_free(pictures_run("convert -size 160x120 xc:none -fill red -draw 'rectangle 0,0 79,119' "
                        "PNG32:half.png && cwebp -quiet -lossless half.png -o half.webp"));
    for (int i = 0; i < 2; i++) {
        WireOrder order = fixture_order_of(80, 80, FIT_INSIDE, FORMAT_JPEG);
        order.renditions[0].background = 0x00ff00;
        order.renditions[1] = fixture_order_of(40, 40, FIT_INSIDE, FORMAT_AUTO).renditions[0];
        order.n_renditions = 2;
        WireResult result;
        fixture_run(&order, i == 0 ? "half.png" : "half.webp", &result);
        fixture_assert_error(&result, ERROR_NONE);
        g_assert_true(result.facts.alpha);
        g_assert_cmpint(result.thumbnails[1].type, ==, IMAGE_WEBP);
        g_auto(Pixels) flat = {0}, clear = {0};
        pictures_read("out0", &flat);
        fixture_assert_color(&flat, 0.25, 0.5, 0xff0000, 12);
        fixture_assert_color(&flat, 0.75, 0.5, 0x00ff00, 12);
        pictures_read("out1", &clear);
        g_assert_cmpint(pixels_at(&clear, 0.25, 0.5)[3], ==, 255);
        g_assert_cmpint(pixels_at(&clear, 0.75, 0.5)[3], ==, 0);
    }
}

/* A thumbnail has no metadata of the source. */
static void test_metadata(void)
{
    g_free(pictures_run(
        "vips icc_transform fields.png 'full.jpg[Q=90]' p3 --input-profile srgb && "
        "exiftool -q -overwrite_original -Artist=secret -GPSLatitude=1 -GPSLatitudeRef=N "
        "-XMP:Creator=secret -IPTC:By-line=secret -Comment=secret "
        "-DateTimeOriginal='2024:01:01 01:00:00' -OffsetTimeOriginal=+02:00 full.jpg && "
        "exiftool -a -G1 -EXIF:all -XMP:all -ICC_Profile:all full.jpg | grep -q secret"));
    const Format formats[] = {FORMAT_JPEG, FORMAT_WEBP, FORMAT_PNG, FORMAT_AVIF};
    WireOrder order = fixture_order;
    order.n_renditions = G_N_ELEMENTS(formats);
    for (size_t i = 0; i < order.n_renditions; i++)
        order.renditions[i] = fixture_order_of(80, 80, FIT_INSIDE, formats[i]).renditions[0];
    WireResult result;
    fixture_run(&order, "full.jpg", &result);
    fixture_assert_error(&result, ERROR_NONE);
    g_assert_true(result.facts.has_date);
    g_assert_cmpint(result.facts.date_us, ==, INT64_C(1704070800) * G_USEC_PER_SEC);
    g_assert_true(result.facts.has_offset);
    g_assert_cmpint(result.facts.offset_min, ==, 120);
    for (size_t i = 0; i < order.n_renditions; i++) {
        g_autofree char *command =
            g_strdup_printf("exiftool -a -G1 -EXIF:all -XMP:all -ICC_Profile:all -IPTC:all "
                            "-Comment out%zu; ! grep -q secret out%zu",
                            i, i);
        g_autofree char *said = pictures_run(command);
        g_assert_cmpstr(said, ==, "");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_start(THUMBNAIL_PROGRAM);
    g_free(pictures_run(FIELDS));
    g_free(pictures_run("convert fields.png -seed 1 +noise Gaussian -depth 8 PNG24:noisy.png && "
                        "convert noisy.png -quality 95 noisy.jpg && "
                        "convert noisy.png -quality 95 -interlace JPEG noisy-prog.jpg"));
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        g_free(pictures_run(sources[i].command));
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
        g_free(pictures_run(refusals[i].command));

    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        g_autofree char *path = g_strdup_printf("/handler/source/%s", sources[i].name);
        g_test_add_data_func(path, &sources[i], test_source);
    }
    for (int orientation = 1; orientation <= 8; orientation++) {
        g_autofree char *path = g_strdup_printf("/handler/orientation/%d", orientation);
        g_test_add_data_func(path, GINT_TO_POINTER(orientation), test_orientation);
    }
    g_test_add_func("/handler/refusals", test_refusals);
    g_test_add_func("/handler/unchanged", test_unchanged);
    g_test_add_func("/handler/renditions", test_renditions);
    g_test_add_func("/handler/crops", test_crops);
    g_test_add_func("/handler/profiles", test_profiles);
    g_test_add_func("/handler/alpha", test_alpha);
    g_test_add_func("/handler/metadata", test_metadata);
    int failed = g_test_run();
    fixture_stop();
    return failed;
}
