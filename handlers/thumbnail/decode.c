/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include "error.h"
#include "exif.h"
#include "fault.h"
#include "frame.h"
#include "heif_tiles.h"
#include "icc.h"
#include "jpeg.h"
#include "planes.h"
#include "pngfile.h"
#include "rendition.h"
#include "resize.h"
#include "sniff.h"
#include "webp.h"

#include <string.h>

/* libvips' loader of each type, by name: it is never asked to guess. */
static const char *const loaders[IMAGE_TYPES] = {
    [IMAGE_PNG] = "pngload_buffer",   [IMAGE_WEBP] = "webpload_buffer",
    [IMAGE_GIF] = "gifload_buffer",   [IMAGE_TIFF] = "tiffload_buffer",
    [IMAGE_HEIC] = "heifload_buffer", [IMAGE_AVIF] = "heifload_buffer",
};

static VipsBlob *make_blob(const Decoder *decoder)
{
    if (decoder->mended == NULL)
        return vips_blob_new(NULL, decoder->source->data, decoder->source->size);
    size_t size;
    const void *data = g_bytes_get_data(decoder->mended, &size);
    return vips_blob_new(NULL, data, size);
}

/*
 * Opens the first page on its header. `scale` below 1 asks the WebP decoder for fewer pixels; no
 * other knows the option.
 */
static VipsImage *load(const Decoder *decoder, VipsFailOn fail_on, double scale)
{
    VipsBlob *blob = make_blob(decoder);
    VipsImage *image = NULL;
    const char *loader = loaders[decoder->type];
    int status = scale < 1 ? vips_call(loader, blob, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                                       "fail_on", fail_on, "scale", scale, NULL)
                           : vips_call(loader, blob, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                                       "fail_on", fail_on, NULL);
    vips_area_unref(VIPS_AREA(blob));
    return status == 0 ? image : NULL;
}

/* HEIC and AVIF share a container: only the header says which coding is inside. */
static ImageType exact_type(ImageType type, VipsImage *image)
{
    const char *coding;
    if ((type != IMAGE_HEIC && type != IMAGE_AVIF) ||
        !vips_image_get_typeof(image, "heif-compression") ||
        vips_image_get_string(image, "heif-compression", &coding) != 0)
        return type;
    return strcmp(coding, "av1") == 0 ? IMAGE_AVIF : IMAGE_HEIC;
}

static void take_date(const ExifFacts *exif, ImageFacts *facts)
{
    facts->has_date = exif->has_date;
    facts->date_us = exif->date_us;
    facts->has_offset = exif->has_offset;
    facts->offset_min = exif->offset_min;
}

static bool open_jpeg(Decoder *decoder, ImageFacts *facts, GError **error)
{
    JpegHeader header;
    if (!jpeg_header(decoder->source->data, decoder->source->size, &header, error))
        return false;
    decoder->width = header.width;
    decoder->height = header.height;
    decoder->orientation = header.exif.orientation;
    decoder->scans = header.scans;
    facts->pages = 1;
    take_date(&header.exif, facts);
    return true;
}

/* A WebP file that ends early is none for libvips. */
static bool open_part(Decoder *decoder, ImageFacts *facts, GError **error)
{
    if (decoder->type != IMAGE_WEBP ||
        !webp_features(decoder->source->data, decoder->source->size, &decoder->width,
                       &decoder->height, &facts->alpha)) {
        fault_take(ERROR_DAMAGED, error);
        return false;
    }
    vips_error_clear();
    facts->pages = 1;
    return true;
}

/* Opens what there is of a file that cannot be opened as it is. */
static void open_damaged(Decoder *decoder)
{
    vips_error_clear();
    decoder->damaged = true;
    decoder->image = load(decoder, VIPS_FAIL_ON_NONE, 1);
    if (decoder->image != NULL || decoder->type != IMAGE_WEBP)
        return;
    decoder->mended = webp_whole_frames(decoder->source->data, decoder->source->size);
    if (decoder->mended != NULL)
        decoder->image = load(decoder, VIPS_FAIL_ON_ERROR, 1);
}

static bool open_other(Decoder *decoder, ImageFacts *facts, GError **error)
{
    if (decoder->type == IMAGE_PNG)
        decoder->mended = pngfile_without_texts(decoder->source->data, decoder->source->size);
    decoder->image = load(decoder, VIPS_FAIL_ON_ERROR, 1);
    if (decoder->image == NULL)
        open_damaged(decoder);
    if (decoder->image == NULL)
        return open_part(decoder, facts, error);
    VipsImage *image = decoder->image;
    decoder->width = image->Xsize;
    decoder->height = image->Ysize;
    decoder->orientation = vips_image_get_orientation(image);
    facts->type = exact_type(decoder->type, image);
    facts->pages = vips_image_get_n_pages(image);
    /* LabQ packs three colours into four bands. */
    facts->alpha = image->Coding == VIPS_CODING_NONE && vips_image_hasalpha(image);

    const void *exif;
    size_t size;
    ExifFacts exif_facts;
    if (vips_image_get_typeof(image, VIPS_META_EXIF_NAME) &&
        vips_image_get_blob(image, VIPS_META_EXIF_NAME, &exif, &size) == 0) {
        exif_read(exif, size, &exif_facts);
        take_date(&exif_facts, facts);
        /* In HEIC and AVIF the container turns the picture, and this counts for nothing. */
        if (decoder->type == IMAGE_PNG || decoder->type == IMAGE_WEBP)
            decoder->orientation = exif_facts.orientation;
    } else if (decoder->type == IMAGE_TIFF) {
        exif_read_tiff(decoder->source->data, decoder->source->size, &exif_facts);
        take_date(&exif_facts, facts);
    }
    return true;
}

/*
 * Samples that a JPEG file of many scans may have, by those that the limit of pixels lets a file of
 * one scan have. Progressive files in full colour have 14 in libjpeg's order of scans.
 */
#define SCAN_SAMPLES_MAX 20

static bool check_scans(const Decoder *decoder, const DecodeLimits *limits, GError **error)
{
    const JpegScans *scans = &decoder->scans;
    if (scans->n <= JPEG_SCANS_MAX && scans->samples / SCAN_SAMPLES_MAX <= limits->max_pixels)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                "%d scans with %" G_GINT64_FORMAT
                " samples, the limits are %d and %" G_GINT64_FORMAT,
                scans->n, (gint64)scans->samples, JPEG_SCANS_MAX,
                (gint64)limits->max_pixels * SCAN_SAMPLES_MAX);
    return false;
}

static bool check_limits(const Decoder *decoder, const DecodeLimits *limits,
                         const ImageFacts *facts, GError **error)
{
    if ((int64_t)decoder->width * decoder->height > limits->max_pixels) {
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                    "%d x %d pixels, the limit is %" G_GINT64_FORMAT, decoder->width,
                    decoder->height, (gint64)limits->max_pixels);
        return false;
    }
    if (facts->pages > limits->max_pages) {
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PAGES, "%d pages, the limit is %d",
                    facts->pages, limits->max_pages);
        return false;
    }
    return check_scans(decoder, limits, error);
}

bool decoder_open(Decoder *decoder, const Source *source, ImageType type,
                  const DecodeLimits *limits, ImageFacts *facts, GError **error)
{
    *decoder = (Decoder){.source = source, .type = type, .orientation = 1};
    facts->type = type;
    facts->orientation = 1;
    if (type == IMAGE_NONE) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_NOT_AN_IMAGE,
                            "no known image type begins like this");
        return false;
    }
    if (type != IMAGE_JPEG && loaders[type] == NULL) {
        const char *unread = sniff_unread(source->data, source->size);
        g_set_error(error, THUMBQ_ERROR, ERROR_UNSUPPORTED_TYPE, "%s",
                    unread ? unread
                           : "pictures of this type are not read; convert it to PNG or JPEG");
        return false;
    }
    if ((type == IMAGE_HEIC || type == IMAGE_AVIF) &&
        !heif_tiles_check(source->data, source->size, limits->max_pixels, error))
        return false;
    if (!(type == IMAGE_JPEG ? open_jpeg(decoder, facts, error)
                             : open_other(decoder, facts, error)))
        return false;
    facts->orientation = decoder->orientation;
    bool swapped = decoder->orientation >= 5;
    facts->width = swapped ? decoder->height : decoder->width;
    facts->height = swapped ? decoder->width : decoder->height;
    return check_limits(decoder, limits, facts, error);
}

static void take_blob(VipsImage *image, const char *name, Metadata *metadata,
                      void (*take)(Metadata *metadata, const void *data, size_t size))
{
    const void *data;
    size_t size;
    if (vips_image_get_typeof(image, name) && vips_image_get_blob(image, name, &data, &size) == 0)
        take(metadata, data, size);
}

void decoder_keep(Decoder *decoder, unsigned keep)
{
    decoder->keep = keep;
    Metadata *metadata = &decoder->metadata;
    if (decoder->type == IMAGE_JPEG && keep & (KEEP_EXIF | KEEP_XMP))
        jpeg_take_metadata(decoder->source->data, decoder->source->size, metadata);
    VipsImage *image = decoder->image;
    if (image == NULL)
        return;
    if (keep & KEEP_EXIF)
        take_blob(image, VIPS_META_EXIF_NAME, metadata, metadata_take_exif);
    if (keep & KEEP_XMP)
        take_blob(image, VIPS_META_XMP_NAME, metadata, metadata_take_xmp);
    /* Of other spaces a thumbnail cannot be: it becomes sRGB, and has no profile. */
    if (keep & KEEP_ICC &&
        (image->Type == VIPS_INTERPRETATION_sRGB || image->Type == VIPS_INTERPRETATION_RGB16)) {
        take_blob(image, VIPS_META_ICC_NAME, metadata, metadata_take_icc);
        GBytes *icc = metadata->icc;
        if (icc != NULL && !icc_is_rgb(g_bytes_get_data(icc, NULL), g_bytes_get_size(icc)))
            g_clear_pointer(&metadata->icc, g_bytes_unref);
    }
}

void decoder_take_planes(Decoder *decoder, bool narrow)
{
    decoder->takes_planes = true;
    decoder->takes_narrow = narrow;
}

static FrameColors colors_of(const Decoder *decoder)
{
    return decoder->metadata.icc != NULL ? FRAME_OWN_COLORS : FRAME_SRGB;
}

/* Without a profile, it is by convention. */
static bool is_srgb(GBytes *icc)
{
    return icc == NULL || icc_is_srgb(g_bytes_get_data(icc, NULL), g_bytes_get_size(icc));
}

/* NULL: not without red, green and blue. */
static Picture *read_planes(const Decoder *decoder, int width, int height)
{
    JpegTarget target = {.width = width, .height = height, .narrow = decoder->takes_narrow};
    if (!decoder->takes_planes || decoder->keep & KEEP_ICC)
        return NULL;
    picture_mirrors(decoder->orientation, &target.mirrored_across, &target.mirrored_down);
    return jpeg_decode_planes(decoder->source->data, decoder->source->size, &target);
}

static Picture *read_jpeg(Decoder *decoder, int width, int height, GError **error)
{
    Picture *planes = read_planes(decoder, width, height);
    if (planes != NULL)
        return planes;
    g_auto(JpegImage) decoded = {0};
    if (!jpeg_decode(decoder->source->data, decoder->source->size, width, height, &decoded, error))
        return NULL;
    decoder->damaged = decoded.damaged;
    g_autoptr(Picture) picture =
        resize_extent(decoded.picture, decoded.extent, width, height, RESIZE_PLAIN, error);
    bool keeps_icc = decoder->keep & KEEP_ICC && decoded.icc != NULL &&
                     decoded.picture->bands == 3 &&
                     icc_is_rgb(g_bytes_get_data(decoded.icc, NULL), g_bytes_get_size(decoded.icc));
    if (keeps_icc)
        metadata_take_icc(&decoder->metadata, g_bytes_get_data(decoded.icc, NULL),
                          g_bytes_get_size(decoded.icc));
    if (picture == NULL || decoder->metadata.icc != NULL ||
        (picture->bands == 3 && is_srgb(decoded.icc)))
        return g_steal_pointer(&picture);

    VipsImage *image = frame_wrap(picture, picture->bands == 4, error);
    if (image == NULL)
        return NULL;
    if (decoded.icc != NULL) {
        size_t size;
        const void *icc = g_bytes_get_data(decoded.icc, &size);
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, icc, size);
    }
    Picture *converted = frame_pull(image, width, height, FRAME_SRGB, error);
    g_object_unref(image);
    return converted;
}

/* What a loader leaves where there was nothing to decode. */
static bool is_blank(const Picture *picture)
{
    size_t n = picture_stride(picture) * (size_t)picture->height;
    return picture->pixels[0] == 0 && memcmp(picture->pixels, picture->pixels + 1, n - 1) == 0;
}

/* To the size and the colours that are wanted. */
static Picture *finish_rgb(const Decoder *decoder, const Picture *picture, int width, int height,
                           GError **error)
{
    VipsImage *image = frame_wrap(picture, false, error);
    if (image == NULL)
        return NULL;
    const void *icc;
    size_t size;
    if (decoder->image != NULL && vips_image_get_typeof(decoder->image, VIPS_META_ICC_NAME) &&
        vips_image_get_blob(decoder->image, VIPS_META_ICC_NAME, &icc, &size) == 0)
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, icc, size);
    Picture *finished = frame_pull(image, width, height, colors_of(decoder), error);
    g_object_unref(image);
    return finished;
}

/* Of interlaced files libvips gives nothing before it has all. */
static bool is_interlaced_png(const Decoder *decoder)
{
    return decoder->type == IMAGE_PNG && decoder->image != NULL &&
           vips_image_get_typeof(decoder->image, "interlaced");
}

/* By the decoders themselves. */
static Picture *read_part_plainly(const Decoder *decoder, int width, int height, GError **error)
{
    const void *data = decoder->source->data;
    size_t size = decoder->source->size;
    g_autoptr(Picture) whole =
        decoder->type == IMAGE_PNG
            ? pngfile_decode_part(data, size, decoder->width, decoder->height, error)
            : webp_decode_part(data, size, error);
    return whole != NULL ? finish_rgb(decoder, whole, width, height, error) : NULL;
}

/* A damaged picture, with whatever there is of it. */
static Picture *read_part(const Decoder *decoder, int width, int height, GError **error)
{
    g_autoptr(Picture) picture = NULL;
    if (is_interlaced_png(decoder) || (decoder->image == NULL && decoder->type == IMAGE_WEBP))
        picture = read_part_plainly(decoder, width, height, error);
    else if (decoder->image != NULL)
        picture = frame_pull_part(decoder->image, width, height, colors_of(decoder), error);
    else
        fault_take(ERROR_DAMAGED, error);
    if (picture != NULL && is_blank(picture)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_DAMAGED, "no pixel could be decoded");
        return NULL;
    }
    return g_steal_pointer(&picture);
}

/* Strictly first, so that damage is noticed. */
static Picture *read_other(Decoder *decoder, int width, int height, GError **error)
{
    if (decoder->damaged)
        return read_part(decoder, width, height, error);
    /* The decoder's own scaling is a plain mean: the rest is left to the filter. */
    double scale = decoder->type == IMAGE_WEBP
                       ? MAX(2.0 * width / decoder->width, 2.0 * height / decoder->height)
                       : 1;
    if (scale < 1) {
        g_clear_object(&decoder->image);
        decoder->image = load(decoder, VIPS_FAIL_ON_ERROR, scale);
    }
    g_autoptr(GError) reason = NULL;
    Picture *picture = decoder->image != NULL
                           ? frame_pull(decoder->image, width, height, colors_of(decoder), &reason)
                           : NULL;
    if (picture != NULL)
        return picture;
    if (g_error_matches(reason, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return NULL;
    }
    decoder->damaged = true;
    vips_error_clear();
    g_clear_object(&decoder->image);
    decoder->image = load(decoder, VIPS_FAIL_ON_NONE, 1);
    return read_part(decoder, width, height, error);
}

/* Turned upright; takes `picture`. */
static Picture *turn(Picture *picture, int orientation, GError **error)
{
    if (picture == NULL || orientation <= 1)
        return picture;
    Picture *upright = planes_are(picture) ? planes_orient(picture, orientation, error)
                                           : picture_orient(picture, orientation, error);
    picture_free(picture);
    return upright;
}

Picture *decoder_read(Decoder *decoder, int width, int height, bool *ret_damaged, GError **error)
{
    bool swapped = decoder->orientation >= 5;
    int stored_width = swapped ? height : width, stored_height = swapped ? width : height;
    Picture *picture = decoder->type == IMAGE_JPEG
                           ? read_jpeg(decoder, stored_width, stored_height, error)
                           : read_other(decoder, stored_width, stored_height, error);
    picture = turn(picture, decoder->orientation, error);
    if (picture != NULL)
        *ret_damaged = decoder->damaged;
    return picture;
}

VipsImage *decoder_open_frames(const Decoder *decoder, GError **error)
{
    VipsBlob *blob = make_blob(decoder);
    VipsImage *frames = NULL;
    int status = vips_call(loaders[decoder->type], blob, &frames, "n", -1, "access",
                           VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    vips_area_unref(VIPS_AREA(blob));
    if (status != 0) {
        fault_take(ERROR_DAMAGED, error);
        return NULL;
    }
    return frames;
}

Picture *decoder_read_frame(const Decoder *decoder, VipsImage *frames, int index, int width,
                            int height, GError **error)
{
    bool swapped = decoder->orientation >= 5;
    VipsImage *frame = NULL;
    if (vips_crop(frames, &frame, 0, index * decoder->height, decoder->width, decoder->height,
                  NULL) != 0) {
        fault_take(ERROR_DAMAGED, error);
        return NULL;
    }
    Picture *picture =
        frame_pull(frame, swapped ? height : width, swapped ? width : height, FRAME_SRGB, error);
    g_object_unref(frame);
    return turn(picture, decoder->orientation, error);
}

void decoder_clear(Decoder *decoder)
{
    g_clear_object(&decoder->image);
    g_clear_pointer(&decoder->mended, g_bytes_unref);
    metadata_clear(&decoder->metadata);
}
