/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/jpeg.h"
#include "formats/webp.h"
#include "pixels/planes.h"
#include "pixels/resize.h"

#include <glib.h>
#include <math.h>
#include <string.h>

/* Makes a smooth picture of all colours. One side is dark, so that a shift is visible. */
static Picture *make_scene(int width, int height)
{
    Picture *picture = picture_new(width, height, 3, NULL);
    g_assert_nonnull(picture);
    uint8_t *at = picture->pixels;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++, at += 3) {
            at[0] = (uint8_t)(20 + 200 * x / width);
            at[1] = (uint8_t)(30 + 190 * y / height);
            at[2] = (uint8_t)(40 + 170 * (width - x) / width);
        }
    }
    return picture;
}

static Picture *make_grey(int width, int height)
{
    Picture *picture = make_scene(width, height);
    size_t n = picture_stride(picture) * (size_t)height;
    for (size_t i = 0; i < n; i += 3)
        picture->pixels[i + 1] = picture->pixels[i + 2] = picture->pixels[i];
    return picture;
}

/* Mean difference of the bytes of two pictures of the same kind and size. */
static double difference(const Picture *a, const Picture *b)
{
    g_assert_cmpint(a->width, ==, b->width);
    g_assert_cmpint(a->height, ==, b->height);
    g_assert_cmpint(a->bands, ==, b->bands);
    double sum = 0;
    size_t n = picture_stride(a) * (size_t)a->height;
    for (size_t i = 0; i < n; i++)
        sum += ABS(a->pixels[i] - b->pixels[i]);
    return sum / (double)n;
}

static GBytes *encode(const Picture *picture, int quality)
{
    GBytes *jpeg = jpeg_encode(picture, quality, NULL);
    g_assert_nonnull(jpeg);
    return jpeg;
}

static Picture *decode_planes(GBytes *jpeg, JpegTarget target)
{
    bool has_fault;
    return jpeg_decode_planes(g_bytes_get_data(jpeg, NULL), g_bytes_get_size(jpeg), &target,
                              &has_fault);
}

static Picture *to_rgb(const Picture *planes)
{
    Picture *rgb = planes_shrink_to_rgb(planes, planes->width, planes->height, NULL);
    g_assert_nonnull(rgb);
    return rgb;
}

/* Decodes to red, green and blue. */
static Picture *decode_rgb(GBytes *jpeg, int width, int height)
{
    g_auto(JpegImage) image = {0};
    g_assert_true(jpeg_decode(g_bytes_get_data(jpeg, NULL), g_bytes_get_size(jpeg), width, height,
                              false, &image, NULL));
    Picture *picture =
        resize_extent(image.picture, image.extent, width, height, RESIZE_PLAIN, NULL);
    g_assert_nonnull(picture);
    return picture;
}

typedef struct {
    const char *name;
    /* From quality 90 on, the file has as many colours as pixels. */
    int width, height, quality;
    int to_width, to_height;
    int orientation;
    bool narrow;
} Case;

static const Case cases[] = {
    {"half", 200, 120, 85, 100, 60, 1, false},
    {"all", 64, 48, 85, 64, 48, 1, false},
    {"odd", 201, 121, 85, 33, 21, 1, false},
    {"eighth", 641, 479, 85, 40, 30, 1, false},
    {"quarter", 640, 480, 85, 77, 59, 1, false},
    {"full-colours", 201, 121, 95, 33, 21, 1, false},
    {"narrow", 200, 120, 85, 50, 30, 1, true},
    {"one", 100, 100, 85, 1, 1, 1, false},
    {"line", 300, 1, 85, 31, 1, 1, false},
    {"tiny", 1, 1, 85, 1, 1, 1, false},
    {"mirrored", 201, 121, 85, 33, 21, 2, false},
    {"turned", 201, 121, 85, 33, 21, 6, true},
    {"upside-down", 201, 121, 85, 33, 21, 3, false},
};

/* The picture is the same as from the decoder for all files. */
static void test_decode(const void *data)
{
    const Case *row = data;
    g_autoptr(Picture) scene = make_scene(row->width, row->height);
    g_autoptr(GBytes) jpeg = encode(scene, row->quality);
    JpegTarget target = {.width = row->to_width, .height = row->to_height, .narrow = row->narrow};
    picture_mirrors(row->orientation, &target.mirrored_across, &target.mirrored_down);
    g_autoptr(Picture) planes = decode_planes(jpeg, target);
    g_assert_nonnull(planes);
    g_assert_cmpint(planes->chroma[0]->width, ==, planes_chroma_size(row->to_width));
    g_assert_cmpint(planes->chroma[1]->height, ==, planes_chroma_size(row->to_height));
    g_autoptr(Picture) upright = planes_orient(planes, row->orientation, NULL);
    g_autoptr(Picture) made = to_rgb(upright);

    g_autoptr(Picture) stored = decode_rgb(jpeg, row->to_width, row->to_height);
    g_autoptr(Picture) expected = picture_orient(stored, row->orientation, NULL);
    /*
     * Colours are enlarged here without a filter, so the difference may be one step between them.
     */
    g_assert_cmpfloat(difference(made, expected), <, 0.5 + 80.0 / row->to_width);
}

static void test_grey(void)
{
    g_autoptr(Picture) scene = make_grey(100, 80);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    g_autoptr(Picture) planes = decode_planes(jpeg, (JpegTarget){.width = 50, .height = 40});
    g_assert_nonnull(planes);
    g_assert_null(planes->chroma[0]);
    g_assert_true(planes_are_grey(planes));
    g_autoptr(GBytes) again = encode(planes, 85);
    g_autoptr(Picture) back = decode_planes(again, (JpegTarget){.width = 50, .height = 40});
    g_assert_null(back->chroma[0]);
    g_assert_cmpfloat(difference(planes, back), <, 1.5);
    g_autoptr(GBytes) webp = webp_encode(planes, 80, NULL);
    g_assert_nonnull(webp);
}

/* Of a damaged file there is the part that libjpeg decodes; without a row there is nothing. */
static void test_damaged(void)
{
    g_autoptr(Picture) scene = make_scene(200, 120);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    gsize size = g_bytes_get_size(jpeg);
    const JpegTarget target = {.width = 20, .height = 12};
    const struct {
        gsize size;
        bool has_picture;
    } rows[] = {{0, false}, {2, false}, {100, false}, {size / 2, true}, {size - 40, true}};
    g_autoptr(Picture) whole = decode_planes(jpeg, target);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool has_fault = false;
        g_autoptr(Picture) part =
            jpeg_decode_planes(g_bytes_get_data(jpeg, NULL), rows[i].size, &target, &has_fault);
        g_assert_true(has_fault);
        g_assert_cmpint(part != NULL, ==, rows[i].has_picture);
        /* The first row is that of the whole file. */
        if (part != NULL)
            g_assert_cmpmem(part->pixels, 20, whole->pixels, 20);
    }
}

/*
 * Encodes and decodes pictures with odd sides, for which the encoder needs pixels beyond the edge.
 */
static void test_encode(void)
{
    for (int width = 30; width < 50; width++) {
        g_autoptr(Picture) scene = make_scene(4 * width, 68);
        g_autoptr(GBytes) jpeg = encode(scene, 89);
        const JpegTarget target = {.width = width, .height = 17};
        g_autoptr(Picture) planes = decode_planes(jpeg, target);
        g_autoptr(GBytes) thumbnail = encode(planes, 89);
        g_autoptr(Picture) back = decode_planes(thumbnail, target);
        g_assert_nonnull(back);
        g_assert_cmpfloat(difference(planes, back), <, 2);
        g_assert_cmpfloat(difference(planes->chroma[0], back->chroma[0]), <, 2);
        g_assert_cmpfloat(difference(planes->chroma[1], back->chroma[1]), <, 2);
    }
}

static void test_convert(void)
{
    g_autoptr(Picture) scene = make_scene(120, 90);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    g_autoptr(Picture) wide = decode_planes(jpeg, (JpegTarget){.width = 60, .height = 45});
    g_autoptr(Picture) narrow =
        decode_planes(jpeg, (JpegTarget){.width = 60, .height = 45, .narrow = true});
    g_autoptr(Picture) converted = planes_convert(wide, true, NULL);
    g_autoptr(Picture) back = planes_convert(converted, false, NULL);
    g_assert_true(converted->narrow && !back->narrow);
    g_assert_cmpfloat(difference(converted, narrow), <, 0.5);
    g_assert_cmpfloat(difference(converted->chroma[1], narrow->chroma[1]), <, 0.5);
    g_assert_cmpfloat(difference(back, wide), <, 0.5);
}

/* A conversion during scaling gives the same as a conversion before it, except for rounding. */
static void test_resize(void)
{
    g_autoptr(Picture) scene = make_scene(121, 91);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    g_autoptr(Picture) large = decode_planes(jpeg, (JpegTarget){.width = 121, .height = 91});
    g_autoptr(Picture) narrow = planes_convert(large, true, NULL);
    g_autoptr(Picture) expected = planes_resize(narrow, 31, 23, true, NULL);
    g_autoptr(Picture) made = planes_resize(large, 31, 23, true, NULL);
    g_assert_cmpfloat(difference(made, expected), <, 0.6);
    g_assert_cmpfloat(difference(made->chroma[0], expected->chroma[0]), <, 0.6);
}

static void test_crop(void)
{
    g_autoptr(Picture) scene = make_scene(80, 60);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    g_autoptr(Picture) planes = decode_planes(jpeg, (JpegTarget){.width = 80, .height = 60});
    g_autoptr(Picture) part = planes_crop(planes, 10, 6, 33, 21, NULL);
    g_autoptr(Picture) luma = picture_crop(planes, 10, 6, 33, 21, NULL);
    g_autoptr(Picture) blue = picture_crop(planes->chroma[0], 5, 3, 17, 11, NULL);
    g_assert_cmpfloat(difference(part, luma), ==, 0);
    g_assert_cmpfloat(difference(part->chroma[0], blue), ==, 0);
}

/* The scale leaves 1.9 times as many pixels as the thumbnail has, and no more than necessary. */
static void test_scale(void)
{
    static const struct {
        int width, to_width, decoded;
    } rows[] = {
        /* Phone photographs at 256, 512 and 1024 pixels. */
        {4032, 256, 504},
        {4000, 256, 500},
        {4032, 512, 1008},
        {4000, 1024, 2000},
        /* At the limit, and below it. */
        {304, 20, 38},
        {296, 20, 74},
        {38, 20, 38},
        {37, 20, 37},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Picture) scene = make_scene(rows[i].width, rows[i].width / 4);
        g_autoptr(GBytes) jpeg = encode(scene, 85);
        g_auto(JpegImage) image = {0};
        g_assert_true(jpeg_decode(g_bytes_get_data(jpeg, NULL), g_bytes_get_size(jpeg),
                                  rows[i].to_width, rows[i].to_width / 4, false, &image, NULL));
        g_assert_cmpint(image.picture->width, ==, rows[i].decoded);
    }
}

/*
 * Makes a picture with the frequencies of photographs: noise at each scale, with the amplitude in
 * proportion to the size of its grains. Cameras record no detail of a single pixel.
 */
static Picture *make_photograph(int width, int height)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    Picture *picture = picture_new(width, height, 3, NULL);
    size_t n = (size_t)width * (size_t)height;
    g_autofree double *light = g_new0(double, n);
    for (int grain = 128; grain >= 2; grain /= 2) {
        int across = width / grain + 2, down = height / grain + 2;
        g_autofree double *values = g_new(double, (gsize)across *(gsize)down);
        for (int i = 0; i < across * down; i++)
            values[i] = g_rand_double_range(random, -1, 1);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                const double *at = values + (y / grain) * across + x / grain;
                double u = (double)(x % grain) / grain, v = (double)(y % grain) / grain;
                double upper = at[0] + u * (at[1] - at[0]);
                double lower = at[across] + u * (at[across + 1] - at[across]);
                light[y * width + x] += (upper + v * (lower - upper)) * (26 + grain * 0.2);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t band = 0; band < 3; band++)
            picture->pixels[3 * i + band] = (uint8_t)CLAMP(128 + light[i], 0, 255);
    }
    return picture;
}

static double psnr(const Picture *a, const Picture *b)
{
    double sum = 0;
    size_t n = picture_stride(a) * (size_t)a->height;
    for (size_t i = 0; i < n; i++) {
        double distance = a->pixels[i] - b->pixels[i];
        sum += distance * distance;
    }
    return 10 * log10(255.0 * 255.0 * (double)n / sum);
}

/* Returns the picture as a thumbnail of quality 89 shows it. */
static Picture *pass_through(const Picture *picture)
{
    g_autoptr(GBytes) thumbnail = encode(picture, 89);
    return decode_rgb(thumbnail, picture->width, picture->height);
}

/* Decodes for a thumbnail `times` as wide and high, and scales the pixels down to one of 1. */
static Picture *decode_finer(GBytes *jpeg, int width, int height, int times)
{
    g_auto(JpegImage) image = {0};
    g_assert_true(jpeg_decode(g_bytes_get_data(jpeg, NULL), g_bytes_get_size(jpeg), width * times,
                              height * times, false, &image, NULL));
    return resize_extent(image.picture, image.extent, width, height, RESIZE_PLAIN, NULL);
}

/*
 * A thumbnail that is decoded at the smallest scale the rule allows is within 0.2 dB of one decoded
 * at twice that scale, both against all pixels of the file.
 */
static void test_quality_of_scale(void)
{
    static const struct {
        int width, to_width;
    } rows[] = {{4032, 256}, {4000, 256}, {1976, 256}, {1000, 256}, {2048, 134}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int height = rows[i].width / 8, to_height = rows[i].to_width / 8;
        g_autoptr(Picture) photograph = make_photograph(rows[i].width, height);
        g_autoptr(GBytes) jpeg = encode(photograph, 90);
        g_autoptr(Picture) whole = decode_rgb(jpeg, rows[i].width, height);
        g_autoptr(Picture) truth =
            resize_picture(whole, rows[i].to_width, to_height, RESIZE_PLAIN, NULL);
        g_autoptr(Picture) small = decode_finer(jpeg, rows[i].to_width, to_height, 1);
        g_autoptr(Picture) finer = decode_finer(jpeg, rows[i].to_width, to_height, 2);
        g_autoptr(Picture) small_shown = pass_through(small);
        g_autoptr(Picture) finer_shown = pass_through(finer);
        double cost = psnr(finer_shown, truth) - psnr(small_shown, truth);
        g_test_message("%d to %d: %.3f dB less; without an encoder %.2f and %.2f dB", rows[i].width,
                       rows[i].to_width, cost, psnr(small, truth), psnr(finer, truth));
        g_assert_cmpfloat(cost, <=, 0.2);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/planes/decode/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_decode);
    }
    g_test_add_func("/planes/grey", test_grey);
    g_test_add_func("/planes/damaged", test_damaged);
    g_test_add_func("/planes/encode", test_encode);
    g_test_add_func("/planes/convert", test_convert);
    g_test_add_func("/planes/resize", test_resize);
    g_test_add_func("/planes/crop", test_crop);
    g_test_add_func("/planes/scale", test_scale);
    g_test_add_func("/planes/quality-of-scale", test_quality_of_scale);
    return g_test_run();
}
