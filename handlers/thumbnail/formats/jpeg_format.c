/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG, read and written by libjpeg-turbo directly. */
#include "base/error.h"
#include "formats/file_format.h"
#include "formats/frame.h"
#include "formats/icc.h"
#include "formats/jpeg.h"
#include "model/rendition.h"
#include "pixels/resize.h"

/*
 * True for a file with stray bytes between its start and its first segment, which libjpeg skips.
 */
static bool begins(const uint8_t *data, size_t len)
{
    if (len < 4 || data[0] != 0xff || data[1] != 0xd8)
        return false;
    for (size_t at = 2; at + 3 < len; at++) {
        /* A segment of an application, or of tables. */
        bool is_segment =
            data[at] == 0xff && ((data[at + 1] & 0xf0) == 0xe0 || data[at + 1] == 0xdb);
        if (is_segment && (data[at + 2] << 8 | data[at + 3]) >= 2)
            return true;
    }
    return false;
}

/* Takes the date of XMP, of a file without one in EXIF. */
static void set_xmp_date(const Source *source, ImageFacts *facts)
{
    g_auto(Metadata) metadata = {0};
    jpeg_add_metadata(source->data, source->size, &metadata);
    size_t size;
    const void *xmp = metadata.xmp != NULL ? g_bytes_get_data(metadata.xmp, &size) : NULL;
    if (xmp != NULL)
        date_set_of_xmp(xmp, size, facts);
}

static bool open_file(Decoder *decoder, ImageFacts *facts, GError **error)
{
    JpegHeader header;
    if (!jpeg_header(decoder->source->data, decoder->source->size, &header, error))
        return false;
    decoder->width = header.width;
    decoder->height = header.height;
    decoder->orientation = header.exif.orientation;
    decoder->scans = header.scans;
    facts->pages = 1;
    exif_set_date(&header.exif, facts);
    if (!facts->has_date)
        set_xmp_date(decoder->source, facts);
    return true;
}

/*
 * The samples of a JPEG file of many scans may be this many times those that the limit of pixels
 * allows for one scan. Progressive files in full colour have 14 in libjpeg's order of scans.
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

static void add_metadata(Decoder *decoder)
{
    if (decoder->keep & (KEEP_EXIF | KEEP_XMP))
        jpeg_add_metadata(decoder->source->data, decoder->source->size, &decoder->metadata);
}

/* True if the colours are sRGB, which a file without a profile is by convention. */
static bool is_srgb(GBytes *icc)
{
    return icc == NULL || icc_is_srgb(g_bytes_get_data(icc, NULL), g_bytes_get_size(icc));
}

/*
 * Reads planes. NULL: the picture has to be read as red, green and blue. *ret_has_fault: as
 * jpeg_decode_planes.
 */
static Picture *read_planes(const Decoder *decoder, int width, int height, bool *ret_has_fault)
{
    JpegTarget target = {.width = width, .height = height, .narrow = decoder->accepts_narrow};
    if (!decoder->accepts_planes || decoder->keep & KEEP_ICC)
        return NULL;
    picture_mirrors(decoder->orientation, &target.mirrored_across, &target.mirrored_down);
    return jpeg_decode_planes(decoder->source->data, decoder->source->size, &target, ret_has_fault);
}

/*
 * Reads the picture: as planes if the caller allows that, otherwise in red, green and blue,
 * converted to sRGB or with its own profile.
 */
static Picture *read_file(Decoder *decoder, int width, int height, GError **error)
{
    bool has_fault = false;
    Picture *planes = read_planes(decoder, width, height, &has_fault);
    if (planes != NULL) {
        decoder->damaged = has_fault;
        return planes;
    }
    g_auto(JpegImage) decoded = {0};
    if (!jpeg_decode(decoder->source->data, decoder->source->size, width, height, has_fault,
                     &decoded, error))
        return NULL;
    decoder->damaged = decoded.damaged;
    g_autoptr(Picture) picture =
        resize_extent(decoded.picture, decoded.extent, width, height, RESIZE_PLAIN, error);
    bool keeps_icc = decoder->keep & KEEP_ICC && decoded.icc != NULL &&
                     decoded.picture->bands == 3 &&
                     icc_is_rgb(g_bytes_get_data(decoded.icc, NULL), g_bytes_get_size(decoded.icc));
    if (keeps_icc)
        metadata_set_icc(&decoder->metadata, g_bytes_get_data(decoded.icc, NULL),
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

static bool can_write(void)
{
    return true;
}

const FileFormat jpeg_format = {
    .type = IMAGE_JPEG,
    .magics = MAGICS(MAGIC("\xff\xd8\xff")),
    .begins = begins,
    .open = open_file,
    .check_opened = check_scans,
    .add_metadata = add_metadata,
    .read = read_file,
    .can_write = can_write,
    .encode = jpeg_encode,
    .is_opaque = true,
    .accepts_planes = jpeg_accepts_planes,
    .embed = metadata_embed_jpeg,
};
