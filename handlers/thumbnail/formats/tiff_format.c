/* SPDX-License-Identifier: Apache-2.0 */
/* TIFF and BigTIFF, read by libvips, and by libtiff alone if libvips cannot (tiff_image.h). */
#include "formats/decode.h"
#include "formats/tiff_blocks.h"
#include "formats/tiff_costs.h"
#include "formats/tiff_image.h"
#include "formats/tiff_layout.h"
#include "formats/vips_reader.h"

/*
 * Chooses the picture that is shown, and checks it before a reader takes memory for a row of strips
 * or tiles, which it does as it is opened. A file that is no TIFF passes, and is left to libtiff.
 */
static bool choose(Decoder *decoder, GError **error)
{
    const DecodeLimits limits = {decoder->max_pixels, decoder->max_pages};
    TiffChoice *choice = &decoder->choice;
    Tiff tiff;
    choice->below = -1;
    if (!tiff_open(decoder->source->data, decoder->source->size, &tiff))
        return true;
    tiff_choose(&tiff, choice);
    return decode_check_pixels(&limits, choice->layout.width, choice->layout.height, error) &&
           tiff_blocks_check(&tiff, choice->at, error) &&
           tiff_costs_check(&tiff, choice->at, limits.max_pages, error);
}

static bool open_file(Decoder *decoder, ImageFacts *facts, GError **error)
{
    return choose(decoder, error) && vips_reader_open(decoder, facts, error);
}

static VipsImage *load_by_libtiff(const Source *source, const TiffChoice *choice)
{
    VipsImage *image = tiff_image_open(source->data, source->size, choice->at);
    if (image != NULL)
        vips_image_set_int(image, VIPS_META_N_PAGES, choice->n_pages);
    return image;
}

static VipsImage *load_by_libvips(const Source *source, const TiffChoice *choice,
                                  VipsFailOn fail_on)
{
    VipsBlob *blob = vips_blob_new(NULL, source->data, source->size);
    VipsImage *image = NULL;
    int status = vips_call("tiffload_buffer", blob, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                           "fail_on", fail_on, "page", choice->page, "subifd", choice->below, NULL);
    vips_area_unref(VIPS_AREA(blob));
    return status == 0 ? image : NULL;
}

/* Source: TIFF 6.0, sections 8 and 22. */
#define COMPRESSION_OLD_JPEG 6
#define PLANAR_SEPARATE      2

/*
 * False, with an error of libvips, if neither library reads such a picture. From JPEG of TIFF 6.0
 * in separate planes, libtiff decodes each plane from its start again for each strip.
 */
static bool is_supported(const TiffLayout *layout)
{
    if (layout->is_mixed)
        vips_error("tiff", "Unsupported feature: samples of different sizes");
    else if (layout->compression == COMPRESSION_OLD_JPEG && layout->planar == PLANAR_SEPARATE)
        vips_error("tiff", "Unsupported feature: JPEG of TIFF 6.0 in separate planes");
    else if (layout->width > 0 && !tiff_image_has_codec(layout->compression))
        vips_error("tiff", "Unsupported feature: compression %u is not known",
                   (unsigned)layout->compression);
    else
        return true;
    return false;
}

/*
 * Opens the picture that is shown. Of a file with more pages than the limit, libvips would read all
 * directories to count them.
 */
static VipsImage *load(const Decoder *decoder, VipsFailOn fail_on)
{
    const Source *source = decoder->source;
    const TiffChoice *choice = &decoder->choice;
    if (!is_supported(&choice->layout))
        return NULL;
    bool is_known = choice->layout.width > 0 && choice->layout.height > 0;
    if (is_known &&
        (choice->n_pages > decoder->max_pages || !tiff_layout_is_common(&choice->layout)))
        return load_by_libtiff(source, choice);
    VipsImage *image = load_by_libvips(source, choice, fail_on);
    if (image != NULL || fail_on != VIPS_FAIL_ON_NONE || !is_known)
        return image;
    return load_by_libtiff(source, choice);
}

/* Reads the date, as libvips returns no EXIF of TIFF. */
static void describe(Decoder *decoder, ImageFacts *facts, const ExifFacts *exif)
{
    ExifFacts own;
    if (exif != NULL && exif->has_date)
        return;
    exif_read_tiff(decoder->source->data, decoder->source->size, &own);
    exif_set_date(&own, facts);
}

const FileFormat tiff_format = {
    .type = IMAGE_TIFF,
    .magics =
        MAGICS(MAGIC("II*\0"), MAGIC("MM\0*"), MAGIC("II+\0\x08\0\0\0"), MAGIC("MM\0+\0\x08\0\0")),
    .loader = "tiffload_buffer",
    .load = load,
    .open = open_file,
    .describe = describe,
    .read = vips_reader_read,
    .loader_classes = NAMES("VipsForeignLoadTiff"),
};
