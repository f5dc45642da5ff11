/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/vips_reader.h"

#include "base/error.h"
#include "formats/frame.h"
#include "sandbox/worker_fault.h"

#include <string.h>

static VipsBlob *make_blob(const Decoder *decoder)
{
    if (decoder->mended == NULL)
        return vips_blob_new(NULL, decoder->source->data, decoder->source->size);
    size_t size;
    const void *data = g_bytes_get_data(decoder->mended, &size);
    return vips_blob_new(NULL, data, size);
}

VipsImage *vips_reader_load(const Decoder *decoder, VipsFailOn fail_on, double scale)
{
    return decoder->format->load != NULL ? decoder->format->load(decoder, fail_on)
                                         : vips_reader_load_plain(decoder, fail_on, scale);
}

VipsImage *vips_reader_load_plain(const Decoder *decoder, VipsFailOn fail_on, double scale)
{
    VipsBlob *blob = make_blob(decoder);
    VipsImage *image = NULL;
    const char *loader = decoder->format->loader;
    int status = scale < 1 ? vips_call(loader, blob, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                                       "fail_on", fail_on, "scale", scale, NULL)
                           : vips_call(loader, blob, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                                       "fail_on", fail_on, NULL);
    vips_area_unref(VIPS_AREA(blob));
    if (status != 0)
        return NULL;
    if (decoder->format->add_profile != NULL)
        decoder->format->add_profile(decoder, image);
    return image;
}

void vips_reader_add_profile(VipsImage *image, const ColorTags *tags)
{
    /* A picture that states its colours has no other profile. */
    vips_image_remove(image, VIPS_META_ICC_NAME);
    if (color_tags_are_plain(tags))
        return;
    bool is_grey =
        image->Type == VIPS_INTERPRETATION_B_W || image->Type == VIPS_INTERPRETATION_GREY16;
    g_autoptr(GBytes) profile = color_profile(tags, is_grey);
    size_t size;
    const void *data = profile != NULL ? g_bytes_get_data(profile, &size) : NULL;
    if (data != NULL)
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, data, size);
}

bool vips_reader_try(Decoder *decoder)
{
    decoder->image = vips_reader_load(decoder, VIPS_FAIL_ON_ERROR, 1);
    if (decoder->image != NULL)
        return true;
    vips_error_clear();
    decoder->damaged = true;
    decoder->image = vips_reader_load(decoder, VIPS_FAIL_ON_NONE, 1);
    return decoder->image != NULL;
}

/* Reads the image's EXIF block. False if it has none. */
static bool read_exif(VipsImage *image, ExifFacts *ret_exif)
{
    const void *data;
    size_t size;
    if (!vips_image_get_typeof(image, VIPS_META_EXIF_NAME) ||
        vips_image_get_blob(image, VIPS_META_EXIF_NAME, &data, &size) != 0)
        return false;
    exif_read(data, size, ret_exif);
    return true;
}

/* Takes the date of XMP. */
static void read_xmp_date(VipsImage *image, ImageFacts *facts)
{
    const void *data;
    size_t size;
    if (vips_image_get_typeof(image, VIPS_META_XMP_NAME) &&
        vips_image_get_blob(image, VIPS_META_XMP_NAME, &data, &size) == 0)
        date_set_of_xmp(data, size, facts);
}

void vips_reader_describe(Decoder *decoder, ImageFacts *facts)
{
    VipsImage *image = decoder->image;
    if (!decoder->opened_small) {
        decoder->width = image->Xsize;
        decoder->height = image->Ysize;
    }
    decoder->orientation = vips_image_get_orientation(image);
    facts->pages = vips_image_get_n_pages(image);
    /* LabQ packs three colours into four bands. */
    facts->alpha = image->Coding == VIPS_CODING_NONE && vips_image_hasalpha(image);

    ExifFacts exif;
    bool has_exif = read_exif(image, &exif);
    if (has_exif)
        exif_set_date(&exif, facts);
    if (decoder->format->describe != NULL)
        decoder->format->describe(decoder, facts, has_exif ? &exif : NULL);
    read_xmp_date(image, facts);
    if (decoder->format->describe_late != NULL)
        decoder->format->describe_late(decoder, facts);
}

void vips_reader_turn_by_exif(Decoder *decoder, ImageFacts *facts, const ExifFacts *exif)
{
    (void)facts;
    if (exif != NULL)
        decoder->orientation = exif->orientation;
}

bool vips_reader_open(Decoder *decoder, ImageFacts *facts, GError **error)
{
    if (!vips_reader_try(decoder)) {
        fault_set_error(ERROR_DAMAGED, error);
        return false;
    }
    vips_reader_describe(decoder, facts);
    return true;
}

static FrameColors colors_of(const Decoder *decoder)
{
    return decoder->metadata.icc != NULL ? FRAME_OWN_COLORS : FRAME_SRGB;
}

Picture *vips_reader_finish(const Decoder *decoder, const Picture *picture, int width, int height,
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

Picture *vips_reader_read_part(const Decoder *decoder, int width, int height, GError **error)
{
    if (decoder->image == NULL) {
        fault_set_error(ERROR_DAMAGED, error);
        return NULL;
    }
    return frame_pull_part(decoder->image, width, height, colors_of(decoder), error);
}

/* True if nothing was decoded: a loader leaves all bytes zero then. */
static bool is_blank(const Picture *picture)
{
    size_t n = picture_stride(picture) * (size_t)picture->height;
    return picture->pixels[0] == 0 && memcmp(picture->pixels, picture->pixels + 1, n - 1) == 0;
}

static Picture *read_damaged(const Decoder *decoder, int width, int height, GError **error)
{
    const FileFormat *format = decoder->format;
    g_autoptr(Picture) picture = format->read_part != NULL
                                     ? format->read_part(decoder, width, height, error)
                                     : vips_reader_read_part(decoder, width, height, error);
    if (picture != NULL && is_blank(picture)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_DAMAGED, "no pixel could be decoded");
        return NULL;
    }
    return g_steal_pointer(&picture);
}

static bool is_beyond(const Decoder *decoder, GError **error)
{
    return decoder->format->is_beyond != NULL && decoder->format->is_beyond(error);
}

Picture *vips_reader_read(Decoder *decoder, int width, int height, GError **error)
{
    if (decoder->damaged)
        return read_damaged(decoder, width, height, error);
    g_autoptr(GError) reason = NULL;
    Picture *picture = decoder->image != NULL
                           ? frame_pull(decoder->image, width, height, colors_of(decoder), &reason)
                           : NULL;
    if (picture != NULL) {
        /*
         * When a decoder refuses more bytes, libheif returns the picture as far as it was decoded.
         */
        if (!is_beyond(decoder, error))
            return picture;
        picture_free(picture);
        return NULL;
    }
    if (g_error_matches(reason, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return NULL;
    }
    vips_error_clear();
    if (is_beyond(decoder, error))
        return NULL;
    decoder->damaged = true;
    g_clear_object(&decoder->image);
    decoder->image = vips_reader_load(decoder, VIPS_FAIL_ON_NONE, 1);
    return read_damaged(decoder, width, height, error);
}

VipsImage *vips_reader_open_frames(const Decoder *decoder, GError **error)
{
    const FileFormat *format = decoder->format;
    GBytes *mended = format->mend_frames != NULL ? format->mend_frames(decoder) : NULL;
    size_t size;
    const void *data = mended != NULL ? g_bytes_get_data(mended, &size) : NULL;
    VipsBlob *blob = data != NULL ? vips_blob_new(NULL, data, size) : make_blob(decoder);
    VipsImage *frames = NULL;
    int status = vips_call(format->loader, blob, &frames, "n", -1, "access", VIPS_ACCESS_SEQUENTIAL,
                           "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    vips_area_unref(VIPS_AREA(blob));
    if (status != 0) {
        fault_set_error(ERROR_DAMAGED, error);
        g_clear_pointer(&mended, g_bytes_unref);
        return NULL;
    }
    /* libvips reads the bytes until the image is closed. */
    if (mended != NULL)
        g_object_set_data_full(G_OBJECT(frames), "thumbq-mended", mended,
                               (GDestroyNotify)g_bytes_unref);
    return frames;
}
