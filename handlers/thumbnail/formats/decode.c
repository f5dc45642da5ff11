/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/decode.h"

#include "base/error.h"
#include "formats/file_format.h"
#include "formats/frame.h"
#include "formats/icc.h"
#include "formats/vips_reader.h"
#include "model/rendition.h"
#include "pixels/planes.h"
#include "sandbox/shortage.h"
#include "sandbox/worker_fault.h"

bool decode_check_pixels(const DecodeLimits *limits, uint64_t width, uint64_t height,
                         GError **error)
{
    if (width == 0 || height <= (uint64_t)limits->max_pixels / width)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                "%" G_GUINT64_FORMAT " x %" G_GUINT64_FORMAT
                " pixels, the limit is %" G_GINT64_FORMAT,
                width, height, (gint64)limits->max_pixels);
    return false;
}

static bool check_limits(const Decoder *decoder, const DecodeLimits *limits, GError **error)
{
    if (!decode_check_pixels(limits, (uint64_t)decoder->width, (uint64_t)decoder->height, error))
        return false;
    return decoder->format->check_opened == NULL ||
           decoder->format->check_opened(decoder, limits, error);
}

/* More than metadata, tables and rows of any header need at once. */
#define BYTES_BESIDE_PIXELS ((size_t)256 << 20)
/* Of a pixel, in the largest intermediate form: four floats. */
#define PIXEL_BYTES_MAX 16

bool decoder_open(Decoder *decoder, const Source *source, const FileFormat *format,
                  const DecodeLimits *limits, ImageFacts *facts, GError **error)
{
    *decoder = (Decoder){.source = source,
                         .format = format,
                         .max_pixels = limits->max_pixels,
                         .max_pages = limits->max_pages,
                         .orientation = 1};
    facts->type = format != NULL ? format->type : IMAGE_NONE;
    facts->orientation = 1;
    if (format == NULL) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_NOT_AN_IMAGE,
                            "no known image type begins like this");
        return false;
    }
    if (format->unread != NULL) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_UNSUPPORTED_TYPE, format->unread);
        return false;
    }
    shortage_begin(BYTES_BESIDE_PIXELS + source->size);
    if ((format->check != NULL && !format->check(source, limits, error)) ||
        !format->open(decoder, facts, error))
        return false;
    facts->orientation = decoder->orientation;
    bool swapped = decoder->orientation >= 5;
    facts->width = swapped ? decoder->height : decoder->width;
    facts->height = swapped ? decoder->width : decoder->height;
    return check_limits(decoder, limits, error);
}

static void copy_blob(VipsImage *image, const char *name, Metadata *metadata,
                      void (*take)(Metadata *metadata, const void *data, size_t size))
{
    const void *data;
    size_t size;
    if (vips_image_get_typeof(image, name) && vips_image_get_blob(image, name, &data, &size) == 0)
        take(metadata, data, size);
}

void decoder_select_metadata(Decoder *decoder, unsigned keep)
{
    decoder->keep = keep;
    Metadata *metadata = &decoder->metadata;
    if (decoder->format->add_metadata != NULL)
        decoder->format->add_metadata(decoder);
    VipsImage *image = decoder->image;
    if (image == NULL)
        return;
    if (keep & KEEP_EXIF)
        copy_blob(image, VIPS_META_EXIF_NAME, metadata, metadata_set_exif);
    if (keep & KEEP_XMP)
        copy_blob(image, VIPS_META_XMP_NAME, metadata, metadata_set_xmp);
    /*
     * Thumbnails keep profiles of RGB spaces only: other pictures become sRGB, and need no profile.
     */
    if (keep & KEEP_ICC &&
        (image->Type == VIPS_INTERPRETATION_sRGB || image->Type == VIPS_INTERPRETATION_RGB16)) {
        copy_blob(image, VIPS_META_ICC_NAME, metadata, metadata_set_icc);
        GBytes *icc = metadata->icc;
        if (icc != NULL && !icc_is_rgb(g_bytes_get_data(icc, NULL), g_bytes_get_size(icc)))
            g_clear_pointer(&metadata->icc, g_bytes_unref);
    }
}

void decoder_allow_planes(Decoder *decoder, bool narrow)
{
    decoder->accepts_planes = true;
    decoder->accepts_narrow = narrow;
}

/* Turns `picture` upright. Takes it. */
static Picture *turn(Picture *picture, int orientation, GError **error)
{
    if (picture == NULL || orientation <= 1)
        return picture;
    Picture *upright = planes_are(picture) ? planes_orient(picture, orientation, error)
                                           : picture_orient(picture, orientation, error);
    picture_free(picture);
    return upright;
}

/* Returns the most bytes that the decoders of such a picture may need at once. */
static size_t bytes_to_read(const Decoder *decoder)
{
    return (size_t)decoder->width * (size_t)decoder->height * PIXEL_BYTES_MAX +
           BYTES_BESIDE_PIXELS + decoder->source->size;
}

Picture *decoder_read(Decoder *decoder, int width, int height, bool *ret_damaged, GError **error)
{
    bool swapped = decoder->orientation >= 5;
    int stored_width = swapped ? height : width, stored_height = swapped ? width : height;
    shortage_begin(bytes_to_read(decoder));
    Picture *picture = decoder->format->read(decoder, stored_width, stored_height, error);
    picture = turn(picture, decoder->orientation, error);
    if (picture == NULL)
        return NULL;
    /* Encoders and other steps follow. */
    shortage_begin(SHORTAGE_REQUEST_MAX);
    *ret_damaged = decoder->damaged;
    return picture;
}

VipsImage *decoder_open_frames(const Decoder *decoder, int n_frames, GError **error)
{
    if (n_frames > decoder->max_pages) {
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PAGES, "%d frames, the limit is %d",
                    n_frames, decoder->max_pages);
        return NULL;
    }
    return vips_reader_open_frames(decoder, error);
}

Picture *decoder_read_frame(const Decoder *decoder, VipsImage *frames, int index, int width,
                            int height, GError **error)
{
    bool swapped = decoder->orientation >= 5;
    VipsImage *frame = NULL;
    if (vips_crop(frames, &frame, 0, index * decoder->height, decoder->width, decoder->height,
                  NULL) != 0) {
        fault_set_error(ERROR_DAMAGED, error);
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
    g_clear_pointer(&decoder->heif, heif_picture_free);
    g_clear_pointer(&decoder->mended, g_bytes_unref);
    metadata_clear(&decoder->metadata);
}
