/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HEIC and AVIF: two codings in one container. Metadata are read by libvips and libheif, pixels by
 * the decoders (heif_image.h), or by libheif if the picture is built in another way. AVIF is
 * written, too.
 */
#include "base/error.h"
#include "formats/codec_budget.h"
#include "formats/decode.h"
#include "formats/heif_image.h"
#include "formats/heif_tiles.h"
#include "formats/vips_reader.h"
#include "formats/vips_writer.h"
#include "sandbox/shortage.h"

#include <string.h>

/* The most blocks of metadata that are searched for XMP. */
#define MIME_BLOCKS_MAX 8

/* Bytes for threads, scaling and encoding beside a decoded picture. */
#define BYTES_BESIDE_PICTURE (40 << 20)

/*
 * How the image of heif_image.h has to be turned, by the orientation of EXIF that means the same.
 * libheif turns pictures itself.
 */
#define TURN_FIELD "thumbq-heif-turn"

/*
 * Sets the budget of the decoders. A picture that is cut out of another one (`iden`, `clap`) has
 * the other one decoded. False: that one is beyond the limit.
 */
static bool set_budget(const Decoder *decoder, const HeifClaims *claims, GError **error)
{
    const HeifPicture *picture = decoder->heif;
    const DecodeLimits limits = {.max_pixels = decoder->max_pixels};
    int64_t shown = claims->primary, largest = claims->largest;
    if (picture->is_plain) {
        int width = picture->color.width, height = picture->color.height;
        if (!decode_check_pixels(&limits, (uint64_t)width, (uint64_t)height, error))
            return false;
        shown = MAX(shown, (int64_t)width * height);
    }
    codec_budget_set(MIN(shown, decoder->max_pixels), picture->is_track ? shown : largest);
    return true;
}

static bool open_file(Decoder *decoder, ImageFacts *facts, GError **error)
{
    const Source *source = decoder->source;
    HeifClaims claims;
    if (!heif_tiles_check(source->data, source->size, decoder->max_pixels, &claims, error))
        return false;
    decoder->heif = g_try_new0(HeifPicture, 1);
    if (decoder->heif == NULL || !heif_picture_read(source->data, source->size, decoder->heif)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                            "not enough memory to list the pictures in the file");
        return false;
    }
    return set_budget(decoder, &claims, error) && vips_reader_open(decoder, facts, error);
}

/* Adds a profile of the colours that the picture states. A profile in the file decides alone. */
static void add_profile(const HeifPicture *picture, VipsImage *image)
{
    if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) || !picture->has_colors)
        return;
    const ColorTags tags = {.primaries = picture->colors.primaries,
                            .transfer = picture->colors.transfer};
    vips_reader_add_profile(image, &tags);
}

/*
 * Copies metadata, and not the fields that each image has, such as its size. The bytes of a block
 * belong to the loader of `from`.
 */
static void *copy_field(VipsImage *from, const char *name, GValue *value, void *to)
{
    const void *data;
    size_t size;
    if (vips_image_get_typeof(to, name) != 0)
        return NULL;
    if (G_VALUE_TYPE(value) != VIPS_TYPE_BLOB)
        vips_image_set(to, name, value);
    else if (vips_image_get_blob(from, name, &data, &size) == 0)
        vips_image_set_blob_copy(to, name, data, size);
    return NULL;
}

/* Returns how `image` has to be turned; 1: not at all. */
static int turn_of(VipsImage *image)
{
    int turn = 1;
    if (vips_image_get_typeof(image, TURN_FIELD))
        (void)vips_image_get_int(image, TURN_FIELD, &turn);
    return turn;
}

/* Opens the picture with the metadata that libheif has found. NULL: libheif decodes it, too. */
static VipsImage *open_parts(const HeifPicture *picture, VipsImage *header)
{
    bool swapped = picture->orientation >= 5;
    int width = swapped ? picture->height : picture->width;
    int height = swapped ? picture->width : picture->height;
    bool is_same = header->Xsize == width && header->Ysize == height;
    if (!heif_image_can_read(picture) || (!is_same && !picture->has_late_size))
        return NULL;
    VipsImage *image = heif_image_open(picture);
    if (image == NULL)
        return NULL;
    vips_image_map(header, copy_field, image);
    vips_image_set_int(image, TURN_FIELD, picture->orientation);
    return image;
}

/*
 * Opens the picture without libheif, with the metadata that are needed to show it: the first one of
 * an image sequence, or one of a file that libheif does not understand. NULL: libvips has an error.
 */
static VipsImage *open_alone(const HeifPicture *picture)
{
    VipsImage *image = heif_image_open(picture);
    if (image == NULL)
        return NULL;
    vips_image_set_string(image, "heif-compression",
                          picture->color.coding == HEIF_AV1 ? "av1" : "hevc");
    vips_image_set_int(image, TURN_FIELD, picture->orientation);
    if (bytes_left(&picture->profile) > 0)
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, picture->profile.at,
                                 bytes_left(&picture->profile));
    if (bytes_left(&picture->exif) > 0)
        vips_image_set_blob_copy(image, VIPS_META_EXIF_NAME, picture->exif.at,
                                 bytes_left(&picture->exif));
    return image;
}

/* Opens a picture that libheif does not read, or refuses, as libvips has as an error. */
static VipsImage *open_refused(const HeifPicture *picture)
{
    if (heif_image_can_read(picture)) {
        vips_error_clear();
        return open_alone(picture);
    }
    if (picture->is_track)
        vips_error("heif", "Unsupported feature: an image sequence in colours that are not read");
    else if (picture->has_identity && !picture->is_incomplete) {
        vips_error_clear();
        vips_error("heif", "Unsupported feature: a picture made of turned or cut pictures");
    }
    return NULL;
}

static VipsImage *load_header(const Decoder *decoder, VipsFailOn fail_on)
{
    VipsBlob *blob = vips_blob_new(NULL, decoder->source->data, decoder->source->size);
    VipsImage *header = NULL;
    int status = vips_call("heifload_buffer", blob, &header, "access", VIPS_ACCESS_SEQUENTIAL,
                           "fail_on", fail_on, NULL);
    vips_area_unref(VIPS_AREA(blob));
    return status == 0 ? header : NULL;
}

/*
 * True if neither this program nor libheif converts the picture's colours: those of constant
 * luminance, YDzDx and ICtCp. libheif would show other colours. Source: ITU-T H.273, table 4.
 */
static bool has_unread_matrix(const HeifPicture *picture)
{
    int matrix = picture->has_colors ? picture->colors.matrix : 0;
    return matrix == 10 || matrix == 11 || matrix == 13 || matrix == 14;
}

/*
 * Opens the picture with libvips, or with libheif where libvips refuses it. Returns NULL on error.
 */
static VipsImage *load(const Decoder *decoder, VipsFailOn fail_on)
{
    const HeifPicture *picture = decoder->heif;
    if (picture->unread[0] != '\0') {
        vips_error("heif", "Unsupported feature: %s", picture->unread);
        return NULL;
    }
    if (has_unread_matrix(picture)) {
        vips_error("heif", "Unsupported feature: colours of the matrix %d of ITU-T H.273",
                   picture->colors.matrix);
        return NULL;
    }
    VipsImage *header = picture->is_track ? NULL : load_header(decoder, fail_on);
    VipsImage *image = header == NULL ? open_refused(picture) : open_parts(picture, header);
    if (image != NULL && header != NULL)
        g_object_unref(header);
    else if (image == NULL)
        image = header;
    if (image != NULL)
        add_profile(picture, image);
    return image;
}

/*
 * Sets the type by the coding, which only the header has. The container turns the picture. If it
 * does not say how, the orientation of EXIF counts, as phones, cameras and editors write it.
 */
static void describe(Decoder *decoder, ImageFacts *facts, const ExifFacts *exif)
{
    VipsImage *image = decoder->image;
    const char *coding;
    if (exif != NULL && exif->orientation > 1 && !decoder->heif->is_turned)
        decoder->orientation = exif->orientation;
    if (turn_of(image) >= 5) {
        decoder->width = image->Ysize;
        decoder->height = image->Xsize;
    }
    if (vips_image_get_typeof(image, "heif-compression") &&
        vips_image_get_string(image, "heif-compression", &coding) == 0)
        facts->type = strcmp(coding, "av1") == 0 ? IMAGE_AVIF : IMAGE_HEIC;
}

static bool has_room(const HeifPicture *picture)
{
    return shortage_has_room(heif_image_bytes(picture) + BYTES_BESIDE_PICTURE);
}

/*
 * Returns the largest of the smaller pictures (`thmb`) that are as large as what is wanted and have
 * room in memory; if none has room, the smallest of them, as the need is an estimate. NULL: there
 * is none.
 */
static const HeifPicture *choose_small(const Decoder *decoder, int width, int height)
{
    const HeifPicture *found = NULL;
    for (const HeifPicture *small = decoder->heif->small; small != NULL; small = small->small) {
        if (small->width < width || small->height < height || !heif_image_can_read(small) ||
            turn_of(decoder->image) != small->orientation)
            continue;
        found = small;
        if (has_room(small))
            break;
    }
    return found;
}

/*
 * Shows a smaller picture beside the shown one, which need not show the same, if the shown one has
 * no room in memory.
 */
static void use_small(Decoder *decoder, int width, int height)
{
    const HeifPicture *picture = decoder->heif;
    /* Colours that are kept as they are have the profile of the shown picture. */
    if (picture->small == NULL || decoder->image == NULL || decoder->metadata.icc != NULL ||
        !heif_image_can_read(picture) || has_room(picture))
        return;
    const HeifPicture *small = choose_small(decoder, width, height);
    VipsImage *image = small != NULL ? open_alone(small) : NULL;
    if (image == NULL) {
        vips_error_clear();
        return;
    }
    add_profile(small, image);
    g_object_unref(decoder->image);
    decoder->image = image;
}

/* Reads the picture, and turns it as the container says. */
static Picture *read_turned(Decoder *decoder, int width, int height, GError **error)
{
    int turn = decoder->image != NULL ? turn_of(decoder->image) : 1;
    int across = turn >= 5 ? height : width, down = turn >= 5 ? width : height;
    use_small(decoder, across, down);
    Picture *picture = vips_reader_read(decoder, across, down, error);
    if (picture == NULL || turn <= 1)
        return picture;
    Picture *upright = picture_orient(picture, turn, error);
    picture_free(picture);
    return upright;
}

/*
 * Takes the date of XMP that libvips does not recognize as such, as it begins with the mark of a
 * packet.
 */
static void describe_late(Decoder *decoder, ImageFacts *facts)
{
    for (int i = 0; i < MIME_BLOCKS_MAX; i++) {
        char name[32];
        const void *data;
        size_t size;
        g_snprintf(name, sizeof name, "heif-mime-%d", i);
        if (vips_image_get_typeof(decoder->image, name) &&
            vips_image_get_blob(decoder->image, name, &data, &size) == 0)
            date_set_of_xmp(data, size, facts);
    }
}

static bool can_write(void)
{
    return vips_writer_has("heifsave_buffer");
}

/* Out of 9: from this effort on, twice the time gains less than three per cent of the bytes. */
#define AVIF_EFFORT 4

static int save(VipsImage *image, int quality, void **data, size_t *size)
{
    return vips_heifsave_buffer(image, data, size, "compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1,
                                "Q", quality, "effort", AVIF_EFFORT, WITHOUT_METADATA, NULL);
}

static GBytes *encode(const Picture *picture, int quality, GError **error)
{
    return vips_writer_encode(save, picture, quality, error);
}

/* HEIC and AVIF have the same container, which libheif reads. */
#define HEIF_MEMBERS                                                                               \
    .loader = "heifload_buffer", .load = load, .open = open_file, .describe = describe,            \
    .describe_late = describe_late, .read = read_turned, .is_beyond = codec_budget_is_spent,       \
    .modules = NAMES("vips-heif.so"), .loader_classes = NAMES("VipsForeignLoadHeif")

const FileFormat heic_format = {
    .type = IMAGE_HEIC,
    .brands = NAMES("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"),
    HEIF_MEMBERS,
};

const FileFormat avif_format = {
    .type = IMAGE_AVIF,
    .brands = NAMES("avif", "avis"),
    .can_write = can_write,
    .encode = encode,
    .saver_classes = NAMES("VipsForeignSaveHeif"),
    HEIF_MEMBERS,
};
