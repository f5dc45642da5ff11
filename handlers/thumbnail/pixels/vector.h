/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of scale.c, by the widest instructions of this processor: AVX2, otherwise SSE2
 * (in every x86-64), otherwise plain C. In whole numbers, so that all of them give the same bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Weights are fixed-point numbers with this many bits after the point. */
#define VECTOR_WEIGHT_BITS 14

/*
 * Makes one row of `stride` bytes: the weighted sum of the `n` rows from `rows` on, each as long,
 * and of `start`. `start` is a weight, too: half of one rounds.
 */
void vector_sum_rows(const uint8_t *rows, size_t stride, const int16_t *weights, int n,
                     int32_t start, uint8_t *to);

/*
 * Turns a block of `width` x `height` pixels of three bytes, whose rows lie `from_stride` bytes
 * apart: a row becomes a column.
 */
void vector_turn_rgb(const uint8_t *from, size_t from_stride, int width, int height, uint8_t *to,
                     size_t to_stride);

/* As vector_turn_rgb, for pixels of one byte. */
void vector_turn_bytes(const uint8_t *from, size_t from_stride, int width, int height, uint8_t *to,
                       size_t to_stride);

/* Returns "AVX2", "SSE2" or "plain C", for people. Static. */
const char *vector_name(void);
