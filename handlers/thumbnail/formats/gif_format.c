/* SPDX-License-Identifier: Apache-2.0 */
/* GIF, read by libvips' own decoder (libnsgif). */
#include "formats/gif_blocks.h"
#include "formats/vips_reader.h"

/*
 * True if the first frame, at *ret_place, lies on a larger canvas. The part of the canvas that it
 * does not cover is clear. libvips makes this part black in a file without a transparent colour.
 */
static bool has_canvas(const Decoder *decoder, int width, int height, GifPlace *ret_place)
{
    if (!gif_first_place(decoder->source->data, decoder->source->size, ret_place))
        return false;
    const GifPlace *place = ret_place;
    bool is_inside = place->width > 0 && place->height > 0 && place->left + place->width <= width &&
                     place->top + place->height <= height;
    return is_inside && (place->width < width || place->height < height);
}

/* Makes the image clear outside of `place`. NULL: libvips has an error. */
static VipsImage *clear_around(VipsImage *image, const GifPlace *place)
{
    VipsImage *frame = NULL, *with_alpha = NULL, *canvas = NULL;
    if (vips_extract_area(image, &frame, place->left, place->top, place->width, place->height,
                          NULL) == 0 &&
        vips_addalpha(frame, &with_alpha, NULL) == 0)
        (void)vips_embed(with_alpha, &canvas, place->left, place->top, image->Xsize, image->Ysize,
                         NULL);
    g_clear_object(&frame);
    g_clear_object(&with_alpha);
    return canvas;
}

/* Adds XMP, which libvips does not read. */
static void add_xmp(const Decoder *decoder, VipsImage *image)
{
    size_t size;
    const uint8_t *xmp = gif_xmp(decoder->source->data, decoder->source->size, &size);
    if (xmp != NULL)
        vips_image_set_blob_copy(image, VIPS_META_XMP_NAME, xmp, size);
}

static VipsImage *load(const Decoder *decoder, VipsFailOn fail_on)
{
    VipsImage *image = vips_reader_load_plain(decoder, fail_on, 1);
    GifPlace place;
    if (image == NULL)
        return NULL;
    add_xmp(decoder, image);
    if (vips_image_hasalpha(image) || image->BandFmt != VIPS_FORMAT_UCHAR ||
        !has_canvas(decoder, image->Xsize, image->Ysize, &place))
        return image;
    VipsImage *canvas = clear_around(image, &place);
    g_object_unref(image);
    return canvas;
}

static GBytes *mend_frames(const Decoder *decoder)
{
    GifPlace place;
    return has_canvas(decoder, decoder->width, decoder->height, &place)
               ? gif_with_clear_frame(decoder->source->data, decoder->source->size)
               : NULL;
}

const FileFormat gif_format = {
    .type = IMAGE_GIF,
    .magics = MAGICS(MAGIC("GIF87a"), MAGIC("GIF89a")),
    .loader = "gifload_buffer",
    .load = load,
    .mend_frames = mend_frames,
    .open = vips_reader_open,
    .read = vips_reader_read,
    .loader_classes = NAMES("VipsForeignLoadNsgif"),
};
