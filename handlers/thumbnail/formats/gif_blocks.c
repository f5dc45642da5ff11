/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/gif_blocks.h"

#include <string.h>

#define HEAD_BYTES       13
#define DESCRIPTOR_BYTES 10
#define EXTENSION        0x21
#define APPLICATION      0xff
#define DESCRIPTOR       0x2c
#define TRAILER          0x3b

/* An extension of an application begins with a length of 11, a name and a code. */
#define APPLICATION_BYTES 14

/* A block and the place behind it. */
typedef struct {
    size_t at, end;
    uint8_t kind;
} Block;

static int le16(const uint8_t *at)
{
    return at[0] | at[1] << 8;
}

/* Returns the bytes of the colour table that the flags announce. */
static size_t table_bytes(uint8_t flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Moves *at behind parts with their lengths in front, up to one of length 0. False: none is there.
 */
static bool skip_parts(const uint8_t *data, size_t size, size_t *at)
{
    while (*at < size && data[*at] != 0)
        *at += 1 + (size_t)data[*at];
    (*at)++;
    return *at <= size;
}

static size_t first_block(const uint8_t *data, size_t size)
{
    return size < HEAD_BYTES ? size : HEAD_BYTES + table_bytes(data[10]);
}

/* Finds the block at `at`. False at the trailer, and if the block is not whole or not known. */
static bool next_block(const uint8_t *data, size_t size, size_t at, Block *ret_block)
{
    if (at >= size)
        return false;
    Block block = {at, at, data[at]};
    if (block.kind == EXTENSION) {
        block.end += 2;
    } else if (block.kind == DESCRIPTOR && size - at >= DESCRIPTOR_BYTES) {
        /* The size of codes comes behind the table. */
        block.end += DESCRIPTOR_BYTES + table_bytes(data[at + 9]) + 1;
    } else {
        return false;
    }
    if (!skip_parts(data, size, &block.end))
        return false;
    *ret_block = block;
    return true;
}

bool gif_first_place(const uint8_t *data, size_t size, GifPlace *ret_place)
{
    size_t at = first_block(data, size);
    Block block;
    while (at < size && data[at] == EXTENSION && next_block(data, size, at, &block))
        at = block.end;
    /* The pixels may end early. */
    if (at >= size || size - at < DESCRIPTOR_BYTES || data[at] != DESCRIPTOR)
        return false;
    *ret_place = (GifPlace){le16(data + at + 1), le16(data + at + 3), le16(data + at + 5),
                            le16(data + at + 7)};
    return true;
}

/* The bytes behind XMP: 1, then 255 to 0; the end of parts follows. */
#define XMP_TRAILER_BYTES 257

const uint8_t *gif_xmp(const uint8_t *data, size_t size, size_t *ret_size)
{
    static const char name[] = "\x0bXMP DataXMP";
    size_t at = first_block(data, size);
    for (Block block; next_block(data, size, at, &block); at = block.end) {
        if (block.kind != EXTENSION || data[at + 1] != APPLICATION ||
            block.end - at < APPLICATION_BYTES + 1 + 1 ||
            memcmp(data + at + 2, name, sizeof name - 1) != 0)
            continue;
        const uint8_t *xmp = data + at + APPLICATION_BYTES;
        size_t n = block.end - 1 - (at + APPLICATION_BYTES);
        bool has_trailer = n >= XMP_TRAILER_BYTES && xmp[n - XMP_TRAILER_BYTES] == 1 &&
                           xmp[n - XMP_TRAILER_BYTES + 1] == 255;
        *ret_size = has_trailer ? n - XMP_TRAILER_BYTES : n;
        return xmp;
    }
    return NULL;
}

GBytes *gif_with_clear_frame(const uint8_t *data, size_t size)
{
    /* The control extension says that index 0 is clear. The pixel has this index. */
    static const uint8_t frame[] = {EXTENSION,  0xf9, 4,    1, 0, 0,      0, 0, /* control */
                                    DESCRIPTOR, 0,    0,    0, 0, 1,      0, 1,
                                    0,          0x80,                /* descriptor */
                                    0,          0,    0,    0, 0, 0, /* two colours */
                                    2,          2,    0x44, 1, 0, TRAILER};
    size_t at = first_block(data, size);
    for (Block block; next_block(data, size, at, &block);)
        at = block.end;
    if (at >= size || data[at] != TRAILER)
        return NULL;
    uint8_t *made = g_try_malloc(at + sizeof frame);
    if (made == NULL)
        return NULL;
    memcpy(made, data, at);
    memcpy(made + at, frame, sizeof frame);
    return g_bytes_new_take(made, at + sizeof frame);
}
