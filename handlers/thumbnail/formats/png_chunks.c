/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/png_chunks.h"

#include "formats/metadata.h"

#include <gio/gio.h>
#include <string.h>

/* A longer text is no date. */
#define DATE_TEXT_MAX 64
#define TIME_BYTES    7

bool png_next_chunk(const uint8_t *data, size_t size, size_t *at, PngChunk *ret_chunk)
{
    if (size < *at || size - *at < PNG_CHUNK_BYTES)
        return false;
    const uint8_t *start = data + *at;
    size_t len = (size_t)start[0] << 24 | (size_t)start[1] << 16 | (size_t)start[2] << 8 | start[3];
    *ret_chunk = (PngChunk){start, MIN(len, size - *at - PNG_CHUNK_BYTES) + PNG_CHUNK_BYTES};
    *at += ret_chunk->size;
    return true;
}

bool png_is_kind(const PngChunk *chunk, const char *kind)
{
    return memcmp(chunk->start + 4, kind, 4) == 0;
}

/* Finds the next chunk, as png_next_chunk; false at the end of the picture, too. `n` counts them.
 */
static bool next_of_picture(const uint8_t *data, size_t size, size_t *at, int *n,
                            PngChunk *ret_chunk)
{
    return ++*n <= PNG_CHUNKS_MAX && png_next_chunk(data, size, at, ret_chunk) &&
           !png_is_kind(ret_chunk, "IEND");
}

const uint8_t *png_find(const void *data, size_t size, PngPart part, const char *kind,
                        size_t *ret_size)
{
    PngChunk chunk;
    int n = 0;
    for (size_t at = PNG_SIGNATURE_BYTES; next_of_picture(data, size, &at, &n, &chunk);) {
        if (part == PNG_BEFORE_PIXELS && png_is_kind(&chunk, "IDAT"))
            break;
        if (!png_is_kind(&chunk, kind))
            continue;
        *ret_size = chunk.size - PNG_CHUNK_BYTES;
        return chunk.start + 8;
    }
    return NULL;
}

bool png_exif(const void *data, size_t size, ExifFacts *ret_exif)
{
    size_t len;
    const uint8_t *block = png_find(data, size, PNG_ANYWHERE, "eXIf", &len);
    if (block != NULL)
        exif_read(block, len, ret_exif);
    return block != NULL;
}

/*
 * Finds the text of a chunk with this keyword. An international text has two bytes about its
 * compression in front, a language, and a translated keyword. *ret_deflated: it is compressed.
 */
static const uint8_t *text_of(const PngChunk *chunk, const char *keyword, size_t *ret_size,
                              bool *ret_deflated)
{
    size_t left = chunk->size - PNG_CHUNK_BYTES, n = strlen(keyword) + 1;
    const uint8_t *at = chunk->start + 8;
    bool is_international = png_is_kind(chunk, "iTXt");
    if ((!is_international && !png_is_kind(chunk, "tEXt")) || left < n ||
        memcmp(at, keyword, n) != 0)
        return NULL;
    at += n;
    left -= n;
    /* 0: not compressed; 1: compressed by method 0, the only one. */
    if (is_international && (left < 2 || at[0] > 1 || at[1] != 0))
        return NULL;
    *ret_deflated = is_international && at[0] == 1;
    at += is_international ? 2 : 0;
    left -= is_international ? 2 : 0;
    for (int i = 0; i < (is_international ? 2 : 0); i++) {
        const uint8_t *end = left > 0 ? memchr(at, 0, left) : NULL;
        if (end == NULL)
            return NULL;
        left -= (size_t)(end + 1 - at);
        at = end + 1;
    }
    *ret_size = left;
    return at;
}

static const uint8_t *find_text(const void *data, size_t size, const char *keyword,
                                size_t *ret_size, bool *ret_deflated)
{
    PngChunk chunk;
    const uint8_t *text = NULL;
    int n = 0;
    for (size_t at = PNG_SIGNATURE_BYTES;
         text == NULL && next_of_picture(data, size, &at, &n, &chunk);)
        text = text_of(&chunk, keyword, ret_size, ret_deflated);
    return text;
}

/* Inflates the first METADATA_BLOCK_MAX bytes, as far as they are sound. NULL: there are none. */
static GBytes *inflate_bytes(const uint8_t *data, size_t size)
{
    g_autoptr(GZlibDecompressor) inflater = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB);
    g_autofree uint8_t *made = g_try_malloc(METADATA_BLOCK_MAX);
    size_t taken = 0, n_made = 0;
    GConverterResult result = made != NULL ? G_CONVERTER_CONVERTED : G_CONVERTER_ERROR;
    while (result == G_CONVERTER_CONVERTED && n_made < METADATA_BLOCK_MAX) {
        gsize n_read = 0, n_written = 0;
        result = g_converter_convert(G_CONVERTER(inflater), data + taken, size - taken,
                                     made + n_made, METADATA_BLOCK_MAX - n_made,
                                     G_CONVERTER_INPUT_AT_END, &n_read, &n_written, NULL);
        if (result == G_CONVERTER_ERROR || n_read + n_written == 0)
            break;
        taken += n_read;
        n_made += n_written;
    }
    return n_made > 0 ? g_bytes_new(made, n_made) : NULL;
}

GBytes *png_xmp(const void *data, size_t size)
{
    size_t len;
    bool is_deflated;
    const uint8_t *text = find_text(data, size, "XML:com.adobe.xmp", &len, &is_deflated);
    if (text == NULL)
        return NULL;
    return is_deflated ? inflate_bytes(text, len) : g_bytes_new(text, len);
}

static double be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool png_colors(const void *data, size_t size, ColorTags *ret_tags)
{
    ColorTags tags = {.primaries = PRIMARIES_UNKNOWN, .transfer = TRANSFER_UNKNOWN};
    size_t len, places_len;
    const uint8_t *points = png_find(data, size, PNG_BEFORE_PIXELS, "cICP", &len);
    if (points != NULL && len >= 4) {
        *ret_tags = (ColorTags){.primaries = points[0], .transfer = points[1]};
        if (color_tags_are_known(ret_tags))
            return true;
    }
    if (png_find(data, size, PNG_BEFORE_PIXELS, "iCCP", &len) != NULL ||
        png_find(data, size, PNG_BEFORE_PIXELS, "sRGB", &len) != NULL)
        return false;
    const uint8_t *gamma = png_find(data, size, PNG_BEFORE_PIXELS, "gAMA", &len);
    const uint8_t *places = png_find(data, size, PNG_BEFORE_PIXELS, "cHRM", &places_len);
    if (gamma != NULL && len >= 4)
        tags.gamma = be32(gamma) / 100000;
    tags.has_places = places != NULL && places_len >= 32;
    for (size_t i = 0; tags.has_places && i < 8; i++)
        tags.places[i] = be32(places + 4 * i) / 100000;
    *ret_tags = tags;
    return tags.gamma > 0 || tags.has_places;
}

bool png_date(const void *data, size_t size, PictureDate *ret_date)
{
    size_t len;
    bool is_deflated;
    const uint8_t *text = find_text(data, size, "Creation Time", &len, &is_deflated);
    if (text != NULL && !is_deflated && len < DATE_TEXT_MAX) {
        g_autofree char *copy = g_strndup((const char *)text, len);
        if (date_parse_text(copy, ret_date))
            return true;
    }
    const uint8_t *time = png_find(data, size, PNG_ANYWHERE, "tIME", &len);
    return time != NULL && len == TIME_BYTES &&
           date_of_utc(time[0] << 8 | time[1], time[2], time[3], time[4], time[5], time[6],
                       ret_date);
}
