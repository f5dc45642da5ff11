/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts rows of luma and colour differences to red, green and blue, by the matrix and range that
 * a picture states. Whole numbers: the same pixels on every machine.
 */
#pragma once

#include "formats/coded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Code points of matrices. Source: ITU-T H.273, table 4. */
enum {
    MATRIX_IDENTITY = 0,
    MATRIX_BT709 = 1,
    MATRIX_UNKNOWN = 2,
    MATRIX_BT601 = 6,
    MATRIX_YCGCO = 8,
    MATRIX_BT2020 = 9,
};

/* Sums of samples times factors, shifted right. */
typedef struct {
    /* Of each output: factors of luma, blue and red difference, and a sum to begin with. */
    int32_t factors[3][3], bias[3];
    /* The largest output. */
    int32_t max;
    /* Scales alpha, which uses all numbers. */
    int32_t alpha;
} Yuv;

/*
 * Sets up the conversion of samples with `bits` bits, 8 to 12, to bytes, or to 16 bits with
 * `is_deep`. An unknown matrix is that of BT.601. False: such a matrix is not converted.
 */
bool yuv_start(const CodedColors *colors, int bits, bool is_deep, Yuv *ret_yuv);

/* True if yuv_start knows the matrix. */
bool yuv_is_known(const CodedColors *colors);

/*
 * Converts `n` pixels: `planes` are rows of luma, blue and red difference, and alpha, which may be
 * NULL. `to` gets three or four bytes or numbers of 16 bits a pixel.
 */
void yuv_convert(const Yuv *yuv, const uint16_t *const planes[4], size_t n, bool is_deep, void *to);

/*
 * Doubles a row of `n` colour samples to 2n, linearly; a sample lies in the middle of its two
 * pixels.
 */
void yuv_widen(const uint16_t *from, size_t n, uint16_t *to);
