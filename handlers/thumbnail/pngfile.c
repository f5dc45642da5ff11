/* SPDX-License-Identifier: Apache-2.0 */
#include "pngfile.h"

#include "error.h"

#include <png.h>
#include <stdbool.h>
#include <string.h>

/* ---- chunks: length, type, data, checksum ------------------------------------------------------
 */

#define SIGNATURE_BYTES 8
#define CHUNK_BYTES     12 /* beside the data */

typedef struct {
    const uint8_t *start;
    size_t size; /* with all of its parts, and no more than there is */
} Chunk;

/* The chunk at *at, which moves behind it. False at the end, or where less than a head is left. */
static bool next_chunk(const uint8_t *data, size_t size, size_t *at, Chunk *ret_chunk)
{
    if (size - *at < CHUNK_BYTES)
        return false;
    const uint8_t *start = data + *at;
    size_t len = (size_t)start[0] << 24 | (size_t)start[1] << 16 | (size_t)start[2] << 8 | start[3];
    *ret_chunk = (Chunk){start, MIN(len, size - *at - CHUNK_BYTES) + CHUNK_BYTES};
    *at += ret_chunk->size;
    return true;
}

static bool is_kind(const Chunk *chunk, const char *kind)
{
    return memcmp(chunk->start + 4, kind, 4) == 0;
}

/* XMP is the one text of which anything is ever wanted. */
static bool is_xmp(const Chunk *chunk)
{
    static const char keyword[] = "XML:com.adobe.xmp";
    return is_kind(chunk, "iTXt") && chunk->size >= CHUNK_BYTES + sizeof keyword &&
           memcmp(chunk->start + 8, keyword, sizeof keyword) == 0;
}

/* What has been let through of a file so far. */
typedef struct {
    size_t n_plain; /* texts and palettes */
    bool xmp;
} Texts;

/* libpng inflates each compressed text, and keeps all of them, though nobody asks for one. */
static bool is_wanted(const Chunk *chunk, Texts *texts)
{
    if (is_xmp(chunk) && !texts->xmp) {
        texts->xmp = true;
        return true;
    }
    if (is_kind(chunk, "zTXt") || is_kind(chunk, "iTXt"))
        return false;
    if (is_kind(chunk, "tEXt") || is_kind(chunk, "sPLT"))
        return texts->n_plain++ < PNGFILE_TEXTS_MAX;
    return true;
}

static bool is_fine(const uint8_t *data, size_t size)
{
    Chunk chunk;
    Texts texts = {0};
    for (size_t at = SIGNATURE_BYTES; next_chunk(data, size, &at, &chunk);) {
        if (!is_wanted(&chunk, &texts))
            return false;
    }
    return true;
}

GBytes *pngfile_without_texts(const void *data, size_t size)
{
    if (size < SIGNATURE_BYTES || is_fine(data, size))
        return NULL;
    uint8_t *kept = g_try_malloc(size);
    if (kept == NULL)
        return NULL;
    memcpy(kept, data, SIGNATURE_BYTES);
    size_t len = SIGNATURE_BYTES, at = SIGNATURE_BYTES;
    Texts texts = {0};
    Chunk chunk;
    while (next_chunk(data, size, &at, &chunk)) {
        if (!is_wanted(&chunk, &texts))
            continue;
        memcpy(kept + len, chunk.start, chunk.size);
        len += chunk.size;
    }
    return g_bytes_new_take(kept, len);
}

/* ---- part of a picture -------------------------------------------------------------------------
 */

typedef struct {
    int width, height; /* as the header was found to say */
    Picture *picture;
    int rows; /* that the first pass has given */
    GError *error;
} Part;

/* Whatever is wrong: what there is by then counts. */
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

/* The header is read: eight bits, red, green and blue, and alpha if there is any. */
static void on_header(png_structp png, png_infop info)
{
    Part *part = png_get_progressive_ptr(png);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    (void)png_set_interlace_handling(png); /* it says how many passes there will be */
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

/* A pixel of an early pass fills the square that later ones divide. */
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

/* Nothing is kept that is not pixels. */
static void keep_no_texts(png_structp png)
{
    png_set_chunk_cache_max(png, 1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER,
                                (png_const_bytep) "tEXt\0zTXt\0iTXt\0sPLT\0eXIf\0iCCP", 6);
}

/* Ends early or at the first error: either way part->rows rows are there. */
static void read_part(Part *part, const void *data, size_t size)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    if (info != NULL && setjmp(png_jmpbuf(png)) == 0) {
        keep_no_texts(png);
        png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
        png_set_progressive_read_fn(png, part, on_header, on_row, NULL);
        png_process_data(png, info, (png_bytep)(uintptr_t)data, size); /* it only reads them */
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
