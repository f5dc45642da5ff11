/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/pngfile.h"

#include "base/error.h"
#include "formats/png_chunks.h"

#include <png.h>
#include <stdbool.h>
#include <string.h>

/* True for XMP, the only text that is ever used. */
static bool is_xmp(const PngChunk *chunk)
{
    static const char keyword[] = "XML:com.adobe.xmp";
    return png_is_kind(chunk, "iTXt") && chunk->size >= PNG_CHUNK_BYTES + sizeof keyword &&
           memcmp(chunk->start + 8, keyword, sizeof keyword) == 0;
}

/* The texts of a file that were let through so far. */
typedef struct {
    /* Texts and palettes. */
    size_t n_plain;
    bool xmp;
} Texts;

/*
 * True if the chunk is let through. libpng inflates each compressed text, and keeps all of them,
 * even if no caller asks for one.
 */
static bool is_wanted(const PngChunk *chunk, Texts *texts)
{
    if (is_xmp(chunk) && !texts->xmp) {
        texts->xmp = true;
        return true;
    }
    if (png_is_kind(chunk, "zTXt") || png_is_kind(chunk, "iTXt"))
        return false;
    if (png_is_kind(chunk, "tEXt") || png_is_kind(chunk, "sPLT"))
        return texts->n_plain++ < PNGFILE_TEXTS_MAX;
    return true;
}

static bool is_fine(const uint8_t *data, size_t size)
{
    PngChunk chunk;
    Texts texts = {0};
    for (size_t at = PNG_SIGNATURE_BYTES; png_next_chunk(data, size, &at, &chunk);) {
        if (!is_wanted(&chunk, &texts))
            return false;
    }
    return true;
}

GBytes *pngfile_without_texts(const void *data, size_t size)
{
    if (size < PNG_SIGNATURE_BYTES || is_fine(data, size))
        return NULL;
    uint8_t *kept = g_try_malloc(size);
    if (kept == NULL)
        return NULL;
    memcpy(kept, data, PNG_SIGNATURE_BYTES);
    size_t len = PNG_SIGNATURE_BYTES, at = PNG_SIGNATURE_BYTES;
    Texts texts = {0};
    PngChunk chunk;
    while (png_next_chunk(data, size, &at, &chunk)) {
        if (!is_wanted(&chunk, &texts))
            continue;
        memcpy(kept + len, chunk.start, chunk.size);
        len += chunk.size;
    }
    return g_bytes_new_take(kept, len);
}

typedef struct {
    /* Size by the header that was read before. */
    int width, height;
    Picture *picture;
    /* Rows of the first pass. */
    int rows;
    GError *error;
} Part;

/* Ends decoding at any error: the rows that were decoded by then count. */
_Noreturn static void on_error(png_structp png, png_const_charp message)
{
    (void)message;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/*
 * Sets up the output when the header is read: eight bits, red, green and blue, and alpha if there
 * is any.
 */
static void on_header(png_structp png, png_infop info)
{
    Part *part = png_get_progressive_ptr(png);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    /* The result is ignored: it is the number of passes. */
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
    int bands = png_get_channels(png, info);
    if (png_get_image_width(png, info) != (png_uint_32)part->width ||
        png_get_image_height(png, info) != (png_uint_32)part->height || bands < 3 || bands > 4 ||
        png_get_rowbytes(png, info) != (size_t)part->width * (size_t)bands)
        png_error(png, "another header");
    part->picture = picture_new(part->width, part->height, bands, &part->error);
    if (part->picture == NULL)
        png_error(png, "no memory");
    picture_clear_rows(part->picture, 0);
}

/* Adds a row. A pixel of an early pass fills the square that later passes divide. */
static void on_row(png_structp png, png_bytep row, png_uint_32 y, int pass)
{
    Part *part = png_get_progressive_ptr(png);
    if (row == NULL || part->picture == NULL || y >= (png_uint_32)part->height)
        return;
    png_progressive_combine_row(
        png, part->picture->pixels + (size_t)y * picture_stride(part->picture), row);
    if (pass == 0)
        part->rows = (int)y + 1;
}

/* Has libpng keep no chunk other than pixels. */
static void ignore_texts(png_structp png)
{
    png_set_chunk_cache_max(png, 1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER,
                                (png_const_bytep) "tEXt\0zTXt\0iTXt\0sPLT\0eXIf\0iCCP", 6);
}

/* Decodes until the end or the first error: part->rows rows are there then. */
static void read_part(Part *part, const void *data, size_t size)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    if (info != NULL && setjmp(png_jmpbuf(png)) == 0) {
        ignore_texts(png);
        png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
        png_set_progressive_read_fn(png, part, on_header, on_row, NULL);
        /* libpng only reads the data. */
        png_process_data(png, info, (png_bytep)(uintptr_t)data, size);
    }
    png_destroy_read_struct(&png, &info, NULL);
}

Picture *pngfile_decode_part(const void *data, size_t size, int width, int height, GError **error)
{
    Part part = {.width = width, .height = height};
    read_part(&part, data, size);
    g_autoptr(Picture) picture = part.picture;
    if (part.error != NULL) {
        g_propagate_error(error, part.error);
        return NULL;
    }
    if (part.rows == 0) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_DAMAGED, "the file ends before its pixels");
        return NULL;
    }
    picture_clear_rows(picture, part.rows);
    return g_steal_pointer(&picture);
}
