/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_image.h"

#include "formats/tiff_memory.h"
#include "formats/tiff_samples.h"

#include <stdbool.h>
#include <string.h>
#include <tiffio.h>

/* More samples in a pixel have no known meaning. */
#define SAMPLES_MAX 8

/* Of strips with more rows, single rows are decoded where libtiff can. */
#define STRIP_ROWS_MAX 64

/* Of rows that are decoded one by one, these are held: libtiff does not go back in most codings. */
#define HELD_ROWS 64

/* A tile may be wider and higher than the picture by this factor. */
#define TILE_SIDE_MAX 1024

typedef struct {
    TiffMemory memory;
    TIFF *tiff;
    uint32_t width, height;
    uint16_t bits, n_samples, format, photometric, planar;
    bool is_tiled;
    /* Size of a tile, or the width and the rows of a strip. */
    uint32_t block_width, block_height;
    /* libtiff converts to red, green, blue and alpha; otherwise `samples` says how to convert. */
    bool is_converted;
    TIFFRGBAImage rgba;
    bool has_rgba;
    /* Rows are decoded one by one, by TIFFReadScanline. */
    bool is_by_row;
    Samples samples;
    SamplesKind kind;
    int bands;
    /* The band by which the colours are multiplied; -1: none. */
    int alpha;
    /* Owned; not NULL: the first sample of a pixel is an index of these colours. */
    uint8_t (*palette)[3];
    /* The sample beside an index that is alpha; 0: none. */
    uint32_t beside;
    /* The converted samples of a row of a block, before their colours are looked up. */
    uint8_t *indexes;
    size_t stride;
    /* Converted rows from the row `first` on; row y is at y % n_held. */
    uint8_t *rows;
    uint32_t first, n_rows, n_held;
    /* The place of the block that is converted. */
    uint8_t *to;
    /* A block as libtiff returns it. */
    uint8_t *block;
    size_t block_bytes;
} Reader;

static size_t bytes_per_row(const Reader *reader, uint32_t width, uint32_t samples)
{
    return ((size_t)width * samples * reader->bits + 7) / 8;
}

/* Converts a row with indexes, and other samples beside them, or one plane; only alpha counts. */
static void convert_indexes(Reader *reader, const Samples *kind, const uint8_t *row, uint32_t width,
                            uint32_t plane, uint8_t *to)
{
    size_t samples = kind->per_pixel, bands = (size_t)reader->bands;
    if (plane > 0 && plane != reader->beside)
        return;
    samples_convert(kind, row, width * samples, reader->indexes, 1);
    for (size_t x = 0; x < width; x++) {
        const uint8_t *from = reader->indexes + x * samples;
        if (plane == 0)
            memcpy(to + x * bands, reader->palette[*from], 3);
        if (plane > 0)
            to[x * bands + 3] = *from;
        else if (samples > 1 && reader->beside > 0)
            to[x * bands + 3] = from[reader->beside];
    }
}

/* Converts what libtiff has decoded of one block: `n_rows` rows from column `left` on. */
static void convert_block(Reader *reader, uint32_t left, uint32_t n_rows, uint32_t plane)
{
    bool separate = reader->planar == PLANARCONFIG_SEPARATE;
    uint32_t samples = separate ? 1 : reader->n_samples;
    uint32_t width = MIN(reader->block_width, reader->width - left);
    size_t row_bytes = bytes_per_row(reader, reader->block_width, samples);
    size_t sample_bytes = samples_bytes(reader->kind), bands = (size_t)reader->bands;
    Samples kind = reader->samples;
    kind.per_pixel = samples;
    kind.is_inverted = kind.is_inverted && plane == 0;
    kind.is_index = reader->palette != NULL && plane == 0;
    kind.band = plane;
    for (uint32_t y = 0; y < n_rows; y++) {
        const uint8_t *from = reader->block + y * row_bytes;
        uint8_t *to = reader->to + y * reader->stride + (size_t)left * bands * sample_bytes;
        if (reader->palette != NULL)
            convert_indexes(reader, &kind, from, width, plane, to);
        else
            samples_convert(&kind, from, (size_t)width * samples, to + plane * sample_bytes,
                            separate ? bands : 1);
    }
}

static bool decode_tiles(Reader *reader, uint32_t top, uint32_t n_rows, uint32_t plane)
{
    for (uint32_t left = 0; left < reader->width; left += reader->block_width) {
        uint32_t tile = TIFFComputeTile(reader->tiff, left, top, 0, (uint16_t)plane);
        if (TIFFReadEncodedTile(reader->tiff, tile, reader->block, (tmsize_t)reader->block_bytes) <
            0)
            return false;
        convert_block(reader, left, n_rows, plane);
    }
    return true;
}

static bool decode_strip(Reader *reader, uint32_t top, uint32_t n_rows, uint32_t plane)
{
    uint32_t strip = TIFFComputeStrip(reader->tiff, top, (uint16_t)plane);
    int status = reader->is_by_row
                     ? TIFFReadScanline(reader->tiff, reader->block, top, (uint16_t)plane)
                     : (int)MIN(TIFFReadEncodedStrip(reader->tiff, strip, reader->block,
                                                     (tmsize_t)reader->block_bytes),
                                1);
    if (status < 0)
        return false;
    convert_block(reader, 0, n_rows, plane);
    return true;
}

/* Copies pixels from libtiff's order, which is that of numbers, to bytes. */
static void copy_raster(Reader *reader, const uint32_t *raster, uint32_t n_rows)
{
    uint8_t *to = reader->to;
    size_t n = (size_t)reader->width * n_rows;
    for (size_t i = 0; i < n; i++) {
        *to++ = TIFFGetR(raster[i]);
        *to++ = TIFFGetG(raster[i]);
        *to++ = TIFFGetB(raster[i]);
    }
}

static uint8_t *row_at(const Reader *reader, uint32_t row)
{
    return reader->rows + row % reader->n_held * reader->stride;
}

/* Notes that `n` rows from `top` on are held, beside those before them. */
static void hold(Reader *reader, uint32_t top, uint32_t n)
{
    uint32_t before = n > 0 && top == reader->first + reader->n_rows ? reader->n_rows : 0;
    before = MIN(before, reader->n_held - n);
    reader->first = top - before;
    reader->n_rows = before + n;
}

/* Decodes the strip or the tiles with the row `top`, which is their first one. */
static bool decode(Reader *reader, uint32_t top)
{
    uint32_t n_rows = MIN(reader->block_height, reader->height - top);
    uint32_t planes = reader->planar == PLANARCONFIG_SEPARATE ? reader->n_samples : 1;
    bool fine = true;
    reader->to = row_at(reader, top);
    memset(reader->block, 0, reader->block_bytes);
    if (reader->is_converted) {
        reader->rgba.row_offset = (int)top;
        reader->rgba.col_offset = 0;
        fine = TIFFRGBAImageGet(&reader->rgba, (uint32_t *)(void *)reader->block, reader->width,
                                n_rows) == 1;
        if (fine)
            copy_raster(reader, (const uint32_t *)(const void *)reader->block, n_rows);
    } else {
        for (uint32_t plane = 0; plane < planes && fine; plane++)
            fine = reader->is_tiled ? decode_tiles(reader, top, n_rows, plane)
                                    : decode_strip(reader, top, n_rows, plane);
        if (fine && reader->alpha >= 0)
            samples_divide_by_alpha(reader->kind, reader->to, (size_t)reader->width * n_rows,
                                    reader->bands, reader->alpha);
    }
    hold(reader, top, fine ? n_rows : 0);
    return fine;
}

/* Fills a region of the image; libvips calls it on the thread that pulls. */
static int generate(VipsRegion *region, void *sequence, void *a, void *b, gboolean *stop)
{
    Reader *reader = a;
    const VipsRect *valid = &region->valid;
    size_t pixel = VIPS_IMAGE_SIZEOF_PEL(region->im);
    (void)sequence;
    (void)b;
    (void)stop;
    for (int y = valid->top; y < valid->top + valid->height; y++) {
        uint32_t row = (uint32_t)y;
        bool is_there =
            reader->n_rows > 0 && row >= reader->first && row - reader->first < reader->n_rows;
        if (!is_there && !decode(reader, row - row % reader->block_height))
            return -1;
        const uint8_t *from = row_at(reader, row);
        memcpy(VIPS_REGION_ADDR(region, valid->left, y), from + (size_t)valid->left * pixel,
               (size_t)valid->width * pixel);
    }
    return 0;
}

static void reader_free(Reader *reader)
{
    if (reader->has_rgba)
        TIFFRGBAImageEnd(&reader->rgba);
    if (reader->tiff != NULL)
        TIFFClose(reader->tiff);
    g_free(reader->palette);
    g_free(reader->indexes);
    g_free(reader->rows);
    g_free(reader->block);
    g_free(reader);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reader, reader_free)

static void on_close(VipsImage *image, Reader *reader)
{
    (void)image;
    reader_free(reader);
}

static bool refuse(const char *reason)
{
    vips_error_clear();
    vips_error("tiff", "Unsupported feature: %s", reason);
    return false;
}

/* Returns what samples most likely mean of which the file does not say it; white is 0 in faxes. */
static uint16_t guess_photometric(const Reader *reader)
{
    uint16_t compression;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_COMPRESSION, &compression);
    bool is_fax = compression == COMPRESSION_CCITTRLE || compression == COMPRESSION_CCITTFAX3 ||
                  compression == COMPRESSION_CCITTFAX4 || compression == COMPRESSION_CCITTRLEW;
    return reader->n_samples >= 3 ? PHOTOMETRIC_RGB
           : is_fax               ? PHOTOMETRIC_MINISWHITE
                                  : PHOTOMETRIC_MINISBLACK;
}

/* Reads from libtiff how the pixels lie in the file. */
static bool read_layout(Reader *reader)
{
    TIFF *tiff = reader->tiff;
    if (TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &reader->width) != 1 ||
        TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &reader->height) != 1 || reader->width == 0 ||
        reader->height == 0 || reader->width > VIPS_MAX_COORD || reader->height > VIPS_MAX_COORD)
        return false;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &reader->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &reader->n_samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &reader->format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &reader->planar);
    if (TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &reader->photometric) != 1)
        reader->photometric = guess_photometric(reader);
    uint32_t rows = reader->height;
    reader->is_tiled = TIFFIsTiled(tiff);
    if (reader->is_tiled) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &reader->block_width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &reader->block_height);
    } else {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rows);
        reader->block_width = reader->width;
        reader->block_height = MIN(rows, reader->height);
    }
    if (reader->block_width == 0 || reader->block_height == 0)
        return refuse("strips or tiles without a size");
    /* Memory for a row of tiles is taken as the file states it. */
    if (reader->block_width / TILE_SIDE_MAX > reader->width ||
        reader->block_height / TILE_SIDE_MAX > reader->height)
        return refuse("tiles that are much larger than the picture");
    return true;
}

/* Sets up the conversion by libtiff to red, green and blue. */
static bool start_rgba(Reader *reader)
{
    char reason[1024] = "";
    /* libtiff's own message is "Sorry, can not handle image". */
    if (reader->photometric == PHOTOMETRIC_YCBCR && reader->bits != 8)
        return refuse("YCbCr of other samples than 8 bits");
    if (!TIFFRGBAImageOK(reader->tiff, reason) ||
        !TIFFRGBAImageBegin(&reader->rgba, reader->tiff, 1, reason)) {
        bool says_nothing = g_str_has_suffix(reason, "can not handle image");
        if (says_nothing)
            g_snprintf(reason, sizeof reason, "%u samples of %u bits, photometric %u, %s",
                       reader->n_samples, reader->bits, reader->photometric,
                       reader->planar == PLANARCONFIG_SEPARATE ? "in planes" : "together");
        return refuse(reason);
    }
    reader->has_rgba = true;
    /* The picture stays as it is stored. */
    reader->rgba.req_orientation = reader->rgba.orientation;
    reader->is_converted = true;
    reader->kind = SAMPLES_8;
    reader->bands = 3;
    reader->block_bytes = (size_t)reader->width * reader->block_height * sizeof(uint32_t);
    return true;
}

/* Finds the band by which the colours are multiplied. An index is not multiplied. */
static int find_associated(const Reader *reader)
{
    uint16_t n, *kinds;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_EXTRASAMPLES, &n, &kinds);
    for (int i = 0; i < n && n < reader->n_samples && reader->palette == NULL; i++) {
        if (kinds[i] == EXTRASAMPLE_ASSOCALPHA)
            return reader->n_samples - n + i;
    }
    return -1;
}

/*
 * Returns how many samples of a pixel are read. In separate planes, samples without a meaning at
 * the end may have no bytes in the file.
 */
static uint16_t count_samples(const Reader *reader)
{
    uint16_t n = reader->n_samples, n_extra, *kinds;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_EXTRASAMPLES, &n_extra, &kinds);
    if (reader->planar != PLANARCONFIG_SEPARATE || reader->is_tiled)
        return n;
    for (; n_extra > 0 && n > n_extra && kinds[n_extra - 1] == EXTRASAMPLE_UNSPECIFIED; n_extra--) {
        uint32_t strip = TIFFComputeStrip(reader->tiff, 0, (uint16_t)(n - 1));
        if (TIFFGetStrileByteCount(reader->tiff, strip) > 0)
            break;
        n--;
    }
    return n;
}

/* Finds the sample beside an index that the file says is alpha; 0: none. */
static uint32_t find_beside(const Reader *reader)
{
    uint16_t n, *kinds;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_EXTRASAMPLES, &n, &kinds);
    for (uint32_t i = 0; i < n && n < reader->n_samples; i++) {
        if (kinds[i] == EXTRASAMPLE_ASSOCALPHA || kinds[i] == EXTRASAMPLE_UNASSALPHA)
            return reader->n_samples - n + i;
    }
    return 0;
}

/* Reads the colours of a palette. False: there are none, or memory is short. */
static bool read_palette(Reader *reader)
{
    uint16_t *table[3];
    size_t n = (size_t)1 << reader->bits;
    /* Some programs write numbers of 8 bits; libtiff has the same rule. */
    bool is_deep = false;
    if (TIFFGetField(reader->tiff, TIFFTAG_COLORMAP, &table[0], &table[1], &table[2]) != 1)
        return false;
    reader->palette = g_try_malloc0(n * sizeof *reader->palette);
    reader->indexes = g_try_malloc((size_t)reader->block_width * reader->n_samples);
    if (reader->palette == NULL || reader->indexes == NULL)
        return false;
    for (size_t i = 0; i < 3 * n; i++)
        is_deep |= table[i % 3][i / 3] > UINT8_MAX;
    for (size_t i = 0; i < 3 * n; i++)
        reader->palette[i / 3][i % 3] = (uint8_t)(table[i % 3][i / 3] >> (is_deep ? 8 : 0));
    return true;
}

/* Checks that the samples can be read without libtiff's conversion to RGBA. */
static bool has_samples(const Reader *reader)
{
    switch (reader->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_RGB:
    case PHOTOMETRIC_SEPARATED:
        return true;
    case PHOTOMETRIC_CIELAB:
        return reader->n_samples >= 3;
    case PHOTOMETRIC_PALETTE:
        return reader->n_samples > 1 && reader->bits <= 8 && reader->format != SAMPLEFORMAT_INT;
    default:
        return false;
    }
}

/* Sets up the conversion of samples. False: there is none for such pictures. */
static bool start_samples(Reader *reader)
{
    uint16_t photometric = reader->photometric;
    bool separate = reader->planar == PLANARCONFIG_SEPARATE;
    reader->samples = (Samples){.bits = reader->bits,
                                .is_signed = reader->format == SAMPLEFORMAT_INT,
                                .is_float = reader->format == SAMPLEFORMAT_IEEEFP,
                                .is_inverted = photometric == PHOTOMETRIC_MINISWHITE,
                                .is_lab = photometric == PHOTOMETRIC_CIELAB};
    bool is_palette = photometric == PHOTOMETRIC_PALETTE;
    if (!has_samples(reader) || reader->format > SAMPLEFORMAT_VOID || reader->n_samples == 0 ||
        reader->n_samples > SAMPLES_MAX || !samples_are_known(&reader->samples, &reader->kind) ||
        (is_palette && !read_palette(reader)))
        return false;
    reader->beside = is_palette ? find_beside(reader) : 0;
    reader->alpha = find_associated(reader);
    reader->n_samples = count_samples(reader);
    reader->bands = !is_palette ? reader->n_samples : reader->beside > 0 ? 4 : 3;
    tmsize_t bytes = reader->is_tiled ? TIFFTileSize(reader->tiff) : TIFFStripSize(reader->tiff);
    reader->is_by_row = !reader->is_tiled && !separate && reader->block_height > STRIP_ROWS_MAX;
    if (reader->is_by_row) {
        reader->block_height = 1;
        bytes = TIFFScanlineSize(reader->tiff);
    }
    size_t needed = bytes_per_row(reader, reader->block_width, separate ? 1 : reader->n_samples) *
                    reader->block_height;
    reader->block_bytes = MAX((size_t)MAX(bytes, 0), needed);
    return true;
}

/* Prepares to decode the strips or tiles: as samples, or otherwise as RGBA by libtiff. */
static bool start(Reader *reader)
{
    uint16_t compression;
    TIFFGetFieldDefaulted(reader->tiff, TIFFTAG_COMPRESSION, &compression);
    bool is_old_jpeg = compression == COMPRESSION_OJPEG;
    if (is_old_jpeg)
        tiff_memory_place_old_jpeg(&reader->memory, reader->tiff);
    if ((is_old_jpeg || !start_samples(reader)) && !start_rgba(reader))
        return false;
    reader->stride = (size_t)reader->width * (size_t)reader->bands * samples_bytes(reader->kind);
    reader->n_held = reader->is_by_row ? HELD_ROWS : reader->block_height;
    reader->rows = g_try_malloc(reader->stride * reader->n_held);
    reader->block = g_try_malloc(reader->block_bytes);
    if (reader->rows != NULL && reader->block != NULL)
        return true;
    vips_error("tiff", "out of memory for strips or tiles");
    return false;
}

static VipsInterpretation interpretation_of(const Reader *reader)
{
    bool color = reader->bands >= 3;
    if (reader->photometric == PHOTOMETRIC_SEPARATED && !reader->is_converted)
        return VIPS_INTERPRETATION_CMYK;
    if (reader->samples.is_lab && !reader->is_converted)
        return VIPS_INTERPRETATION_LAB;
    if (reader->kind == SAMPLES_16)
        return color ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_GREY16;
    if (reader->kind == SAMPLES_FLOAT)
        return color ? VIPS_INTERPRETATION_scRGB : VIPS_INTERPRETATION_B_W;
    return color ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_B_W;
}

static void copy_blob(const Reader *reader, uint32_t tag, const char *name, VipsImage *image)
{
    uint32_t n;
    const void *data;
    if (TIFFGetField(reader->tiff, tag, &n, &data) == 1 && n > 0)
        vips_image_set_blob_copy(image, name, data, n);
}

/* Makes the image. Takes the reader, also if it fails. */
static VipsImage *make_image(Reader *reader)
{
    static const VipsBandFormat formats[] = {VIPS_FORMAT_UCHAR, VIPS_FORMAT_USHORT,
                                             VIPS_FORMAT_FLOAT};
    VipsImage *image = vips_image_new();
    uint16_t orientation;
    vips_image_init_fields(image, (int)reader->width, (int)reader->height, reader->bands,
                           formats[reader->kind], VIPS_CODING_NONE, interpretation_of(reader), 1,
                           1);
    copy_blob(reader, TIFFTAG_ICCPROFILE, VIPS_META_ICC_NAME, image);
    copy_blob(reader, TIFFTAG_XMLPACKET, VIPS_META_XMP_NAME, image);
    if (TIFFGetField(reader->tiff, TIFFTAG_ORIENTATION, &orientation) == 1)
        vips_image_set_int(image, VIPS_META_ORIENTATION, orientation);
    vips_image_set_int(image, VIPS_META_SEQUENTIAL, 1);
    g_signal_connect(image, "close", G_CALLBACK(on_close), reader);
    if (vips_image_pipelinev(image, VIPS_DEMAND_STYLE_THINSTRIP, NULL) == 0 &&
        vips_image_generate(image, NULL, generate, NULL, reader, NULL) == 0)
        return image;
    g_object_unref(image);
    return NULL;
}

bool tiff_image_has_codec(uint64_t compression)
{
    return compression <= UINT16_MAX && TIFFIsCODECConfigured((uint16_t)compression);
}

VipsImage *tiff_image_open(const void *data, size_t size, uint64_t at)
{
    g_autoptr(Reader) reader = g_new0(Reader, 1);
    reader->memory = (TiffMemory){.data = data, .size = size};
    reader->alpha = -1;
    reader->tiff = tiff_memory_open(&reader->memory);
    if (reader->tiff == NULL || TIFFSetSubDirectory(reader->tiff, at) != 1 ||
        !read_layout(reader) || !start(reader))
        return NULL;
    return make_image(g_steal_pointer(&reader));
}
