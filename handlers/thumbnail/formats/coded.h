/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cost of a piece of coded video, by its own headers: a HEIC or AVIF file may state other sizes
 * of its pictures (`ispe`). Read by coded_hevc.h and coded_av1.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    /* Costs almost nothing. */
    CODED_OTHER,
    /* Has the size of the pictures that follow. */
    CODED_HEADER,
    /* Begins a picture. */
    CODED_PICTURE,
    /* Continues a picture. */
    CODED_SLICE,
    /* A header that cannot be read. */
    CODED_UNCLEAR,
    /* A slice that begins where the slice before it begins, or earlier. */
    CODED_AGAIN,
} CodedKind;

/* The `part` of a slice that may cover a whole picture. */
#define CODED_WHOLE (1 << 16)

typedef struct {
    CodedKind kind;
    /* Of CODED_HEADER, or of a picture with a size of its own; at most 2^40. */
    int64_t pixels;
    /* Of CODED_SLICE: the part of the picture that the slice may cover, in 1 / CODED_WHOLE. */
    int32_t part;
} Coded;

/* Code points of colours. Source: ITU-T H.273. */
typedef struct {
    int primaries, transfer, matrix;
    /* Values use all numbers; otherwise black and white lie inside of them. */
    bool is_full;
} CodedColors;
