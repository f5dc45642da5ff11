/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunks of a PNG file, and the facts in some of them. Takes any bytes, and does not check
 * checksums. Source: PNG, third edition.
 */
#pragma once

#include "formats/color_profile.h"
#include "formats/exif.h"
#include "formats/picture_dates.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PNG_SIGNATURE_BYTES 8
/* Bytes of a chunk beside its data: length, type and checksum. */
#define PNG_CHUNK_BYTES 12

/*
 * The most chunks of a file that are searched. A file of 512 MB in parts of 8 KB, as libpng writes
 * the pixels, has 65,536.
 */
#define PNG_CHUNKS_MAX (1 << 18)

typedef struct {
    const uint8_t *start;
    /* With all of its parts, and no more than the file has. */
    size_t size;
} PngChunk;

/*
 * Finds the chunk at *at, and moves *at behind it. False at the end, or if less than a head is
 * left. The first chunk lies behind the signature.
 */
bool png_next_chunk(const uint8_t *data, size_t size, size_t *at, PngChunk *ret_chunk);

bool png_is_kind(const PngChunk *chunk, const char *kind);

/* The part of a file that is searched. Nothing counts behind the end of the picture (IEND). */
typedef enum {
    PNG_ANYWHERE,
    /* Up to the first pixels (IDAT): PNG has the chunks about colours there. */
    PNG_BEFORE_PIXELS,
} PngPart;

/* Finds the first chunk of a kind; returns its data. NULL: there is none. */
const uint8_t *png_find(const void *data, size_t size, PngPart part, const char *kind,
                        size_t *ret_size);

/* Reads the first block of EXIF (eXIf), before the pixels or behind. False: there is none. */
bool png_exif(const void *data, size_t size, ExifFacts *ret_exif);

/*
 * Returns XMP; the first METADATA_BLOCK_MAX bytes of it if it is compressed. NULL: there is none.
 * Owner: the caller.
 */
GBytes *png_xmp(const void *data, size_t size);

/*
 * Reads the colours that a file states by code points (cICP), or, without a profile and without
 * sRGB, by a gamma and primaries (gAMA, cHRM). False: it states none.
 */
bool png_colors(const void *data, size_t size, ColorTags *ret_tags);

/* Reads the date of the text "Creation Time", else the time of the last change (tIME). */
bool png_date(const void *data, size_t size, PictureDate *ret_date);
