/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The size of the coded pictures of HEVC, and how much of a picture each slice may cover, by the
 * headers in the stream. Takes any bytes.
 */
#pragma once

#include "formats/coded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEVC_SPS_MAX     16
#define HEVC_PPS_MAX     64
#define HEVC_COLUMNS_MAX 20
#define HEVC_ROWS_MAX    22

/* The number of blocks (CTBs) of a picture, by a sequence parameter set. */
typedef struct {
    /* False: the set was not read yet. */
    uint32_t is_known;
    uint32_t columns, rows;
} HevcSps;

/* The slices and tiles of a picture, by a picture parameter set. */
typedef struct {
    /* False: the set was not read yet. */
    uint16_t is_known;
    uint16_t sps;
    /* Slices may take their header from the slice before. */
    uint16_t has_dependent;
    /* Columns and rows of tiles. */
    uint16_t columns, rows;
    /* Tiles have one size; otherwise all but the last have theirs in `widths` and `heights`. */
    uint16_t is_uniform;
    uint16_t widths[HEVC_COLUMNS_MAX], heights[HEVC_ROWS_MAX];
} HevcPps;

/* The headers that a decoder has got so far. All zero before its first NAL unit. */
typedef struct {
    HevcSps sps[HEVC_SPS_MAX];
    HevcPps pps[HEVC_PPS_MAX];
    bool has_picture;
    /* Parameter set of the picture that was begun last. */
    uint32_t picture_pps;
    /* Where the last slice of that picture begins, in blocks in the order of coding. */
    int64_t last_slice;
} HevcStream;

/*
 * Reads the next NAL unit of a stream, without start code or length. A parameter set that replaces
 * another one with other contents is CODED_UNCLEAR: decoders do not agree on which one counts.
 */
Coded coded_hevc(const uint8_t *nal, size_t size, HevcStream *stream);

/*
 * Reads the colours of a sequence parameter set, without start code or length (VUI). False: it
 * states none.
 */
bool coded_hevc_colors(const uint8_t *nal, size_t size, CodedColors *ret_colors);
