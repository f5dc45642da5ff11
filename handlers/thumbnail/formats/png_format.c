/* SPDX-License-Identifier: Apache-2.0 */
/* PNG, read and written by libvips; libpng reads files that libvips cannot (pngfile.h). */
#include "formats/png_chunks.h"
#include "formats/pngfile.h"
#include "formats/vips_reader.h"
#include "formats/vips_writer.h"

static bool open_file(Decoder *decoder, ImageFacts *facts, GError **error)
{
    decoder->mended = pngfile_without_texts(decoder->source->data, decoder->source->size);
    return vips_reader_open(decoder, facts, error);
}

/* Turns the picture and takes the date by EXIF, which may also lie behind the pixels. */
static void describe(Decoder *decoder, ImageFacts *facts, const ExifFacts *exif)
{
    const Source *source = decoder->source;
    ExifFacts late;
    if (exif == NULL && png_exif(source->data, source->size, &late)) {
        exif_set_date(&late, facts);
        exif = &late;
    }
    vips_reader_turn_by_exif(decoder, facts, exif);
}

static void add_profile(const Decoder *decoder, VipsImage *image)
{
    ColorTags tags;
    if (png_colors(decoder->source->data, decoder->source->size, &tags))
        vips_reader_add_profile(image, &tags);
}

static void describe_late(Decoder *decoder, ImageFacts *facts)
{
    const Source *source = decoder->source;
    PictureDate date;
    g_autoptr(GBytes) xmp = facts->has_date ? NULL : png_xmp(source->data, source->size);
    if (xmp != NULL)
        date_set_of_xmp(g_bytes_get_data(xmp, NULL), g_bytes_get_size(xmp), facts);
    if (!facts->has_date && png_date(source->data, source->size, &date))
        date_set(&date, DATE_PNG, facts);
}

/* Reads a part of a picture. Of interlaced files, libvips returns nothing before it has all. */
static Picture *read_part(const Decoder *decoder, int width, int height, GError **error)
{
    if (decoder->image == NULL || !vips_image_get_typeof(decoder->image, "interlaced"))
        return vips_reader_read_part(decoder, width, height, error);
    g_autoptr(Picture) whole = pngfile_decode_part(decoder->source->data, decoder->source->size,
                                                   decoder->width, decoder->height, error);
    return whole != NULL ? vips_reader_finish(decoder, whole, width, height, error) : NULL;
}

static bool can_write(void)
{
    return vips_writer_has("pngsave_buffer");
}

/* Out of 9: from this level on, twice the time gains less than three per cent of the bytes. */
#define COMPRESSION 6

static int save(VipsImage *image, int quality, void **data, size_t *size)
{
    (void)quality;
    return vips_pngsave_buffer(image, data, size, "compression", COMPRESSION, WITHOUT_METADATA,
                               NULL);
}

static GBytes *encode(const Picture *picture, int quality, GError **error)
{
    return vips_writer_encode(save, picture, quality, error);
}

const FileFormat png_format = {
    .type = IMAGE_PNG,
    .magics = MAGICS(MAGIC("\x89PNG\r\n\x1a\n")),
    .loader = "pngload_buffer",
    .open = open_file,
    .add_profile = add_profile,
    .describe = describe,
    .describe_late = describe_late,
    .read = vips_reader_read,
    .read_part = read_part,
    .can_write = can_write,
    .encode = encode,
    .embed = metadata_embed_png,
    .loader_classes = NAMES("VipsForeignLoadPng"),
    .saver_classes = NAMES("VipsForeignSavePng", "VipsForeignSaveSpng"),
};
