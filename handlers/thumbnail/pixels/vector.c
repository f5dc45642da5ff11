/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/vector.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* Sums byte by byte. */
static void sum_plain(const uint8_t *rows, size_t stride, const int16_t *weights, int n,
                      int32_t start, uint8_t *to)
{
    for (size_t at = 0; at < stride; at++) {
        int32_t sum = start;
        for (int row = 0; row < n; row++)
            sum += rows[(size_t)row * stride + at] * weights[row];
        sum >>= VECTOR_WEIGHT_BITS;
        to[at] = (uint8_t)CLAMP(sum, 0, 255);
    }
}

/* Turns a block pixel by pixel. */
static void turn_plain(const uint8_t *from, size_t from_stride, int width, int height, uint8_t *to,
                       size_t to_stride)
{
    for (int x = 0; x < width; x++) {
        for (int y = 0; y < height; y++)
            memcpy(to + (size_t)x * to_stride + (size_t)y * 3,
                   from + (size_t)y * from_stride + (size_t)x * 3, 3);
    }
}

static void turn_bytes_plain(const uint8_t *from, size_t from_stride, int width, int height,
                             uint8_t *to, size_t to_stride)
{
    for (int x = 0; x < width; x++) {
        for (int y = 0; y < height; y++)
            to[(size_t)x * to_stride + (size_t)y] = from[(size_t)y * from_stride + (size_t)x];
    }
}

#ifdef __x86_64__
#include <immintrin.h>

/*
 * Returns the weights of two rows, side by side as madd takes them; a last row alone has 0 beside
 * it.
 */
static inline int32_t weight_pair(const int16_t *weights, int row, int n)
{
    uint32_t second = row + 1 < n ? (uint16_t)weights[row + 1] : 0;
    return (int32_t)((uint16_t)weights[row] | second << 16);
}

/*
 * Adds 16 columns of two rows, side by side so that one instruction multiplies and adds four pairs.
 */
static inline void add_pair_sse2(__m128i sums[4], const uint8_t *a, const uint8_t *b,
                                 __m128i weight)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i bytes_a = _mm_loadu_si128((const __m128i *)a);
    __m128i bytes_b = _mm_loadu_si128((const __m128i *)b);
    __m128i low = _mm_unpacklo_epi8(bytes_a, bytes_b);
    __m128i high = _mm_unpackhi_epi8(bytes_a, bytes_b);
    sums[0] = _mm_add_epi32(sums[0], _mm_madd_epi16(_mm_unpacklo_epi8(low, zero), weight));
    sums[1] = _mm_add_epi32(sums[1], _mm_madd_epi16(_mm_unpackhi_epi8(low, zero), weight));
    sums[2] = _mm_add_epi32(sums[2], _mm_madd_epi16(_mm_unpacklo_epi8(high, zero), weight));
    sums[3] = _mm_add_epi32(sums[3], _mm_madd_epi16(_mm_unpackhi_epi8(high, zero), weight));
}

static inline void store_sse2(const __m128i sums[4], uint8_t *to)
{
    __m128i low = _mm_packs_epi32(_mm_srai_epi32(sums[0], VECTOR_WEIGHT_BITS),
                                  _mm_srai_epi32(sums[1], VECTOR_WEIGHT_BITS));
    __m128i high = _mm_packs_epi32(_mm_srai_epi32(sums[2], VECTOR_WEIGHT_BITS),
                                   _mm_srai_epi32(sums[3], VECTOR_WEIGHT_BITS));
    _mm_storeu_si128((__m128i *)to, _mm_packus_epi16(low, high));
}

/* Sums `n` rows, each multiplied by its weight; 32 bytes of all rows at a time. */
static void sum_sse2(const uint8_t *rows, size_t stride, const int16_t *weights, int n,
                     int32_t start, uint8_t *to)
{
    for (size_t next = 0; next < stride; next += 32) {
        /* The last block overlaps the one before. */
        size_t at = MIN(next, stride - 32);
        __m128i sums[8];
        for (int i = 0; i < 8; i++)
            sums[i] = _mm_set1_epi32(start);
        for (int row = 0; row < n; row += 2) {
            const uint8_t *a = rows + (size_t)row * stride + at;
            const uint8_t *b = row + 1 < n ? a + stride : a;
            __m128i weight = _mm_set1_epi32(weight_pair(weights, row, n));
            add_pair_sse2(sums, a, b, weight);
            add_pair_sse2(sums + 4, a + 16, b + 16, weight);
        }
        store_sse2(sums, to + at);
        store_sse2(sums + 4, to + at + 16);
    }
}

#define BLOCK 16

/*
 * Turns 16 x 16 bytes. The place of a byte has four bits for its row and four for its column.
 * Interleaving each row with the one eight below rotates these bits by one: four times swaps row
 * and column.
 */
static inline void turn_block(const uint8_t *from, size_t from_stride, uint8_t *to,
                              size_t to_stride)
{
    __m128i rows[BLOCK], mixed[BLOCK];
    for (size_t i = 0; i < BLOCK; i++)
        rows[i] = _mm_loadu_si128((const __m128i *)(from + i * from_stride));
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < BLOCK / 2; i++) {
            mixed[2 * i] = _mm_unpacklo_epi8(rows[i], rows[i + BLOCK / 2]);
            mixed[2 * i + 1] = _mm_unpackhi_epi8(rows[i], rows[i + BLOCK / 2]);
        }
        memcpy(rows, mixed, sizeof rows);
    }
    for (size_t i = 0; i < BLOCK; i++)
        _mm_storeu_si128((__m128i *)(to + i * to_stride), rows[i]);
}

/*
 * Turns a picture of one byte a pixel in blocks of 16 x 16. The last blocks overlap those before.
 */
static void turn_bytes_sse2(const uint8_t *from, size_t from_stride, int width, int height,
                            uint8_t *to, size_t to_stride)
{
    for (int next_y = 0; next_y < height; next_y += BLOCK) {
        size_t y = (size_t)MIN(next_y, height - BLOCK);
        for (int next_x = 0; next_x < width; next_x += BLOCK) {
            size_t x = (size_t)MIN(next_x, width - BLOCK);
            turn_block(from + y * from_stride + x, from_stride, to + x * to_stride + y, to_stride);
        }
    }
}

#define AVX2 __attribute__((target("avx2")))

/*
 * As add_pair_sse2, for 32 columns. The halves of a vector stay apart, and are together again when
 * packed.
 */
AVX2 static inline void add_pair_avx2(__m256i sums[4], const uint8_t *a, const uint8_t *b,
                                      __m256i weight)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i bytes_a = _mm256_loadu_si256((const __m256i *)a);
    __m256i bytes_b = _mm256_loadu_si256((const __m256i *)b);
    __m256i low = _mm256_unpacklo_epi8(bytes_a, bytes_b);
    __m256i high = _mm256_unpackhi_epi8(bytes_a, bytes_b);
    sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), weight));
    sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), weight));
    sums[2] =
        _mm256_add_epi32(sums[2], _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), weight));
    sums[3] =
        _mm256_add_epi32(sums[3], _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), weight));
}

AVX2 static inline void store_avx2(const __m256i sums[4], uint8_t *to)
{
    __m256i low = _mm256_packs_epi32(_mm256_srai_epi32(sums[0], VECTOR_WEIGHT_BITS),
                                     _mm256_srai_epi32(sums[1], VECTOR_WEIGHT_BITS));
    __m256i high = _mm256_packs_epi32(_mm256_srai_epi32(sums[2], VECTOR_WEIGHT_BITS),
                                      _mm256_srai_epi32(sums[3], VECTOR_WEIGHT_BITS));
    _mm256_storeu_si256((__m256i *)to, _mm256_packus_epi16(low, high));
}

AVX2 static void sum_avx2(const uint8_t *rows, size_t stride, const int16_t *weights, int n,
                          int32_t start, uint8_t *to)
{
    for (size_t next = 0; next < stride; next += 64) {
        /* The last block overlaps the one before. */
        size_t at = MIN(next, stride - 64);
        __m256i sums[8];
        for (int i = 0; i < 8; i++)
            sums[i] = _mm256_set1_epi32(start);
        for (int row = 0; row < n; row += 2) {
            const uint8_t *a = rows + (size_t)row * stride + at;
            const uint8_t *b = row + 1 < n ? a + stride : a;
            __m256i weight = _mm256_set1_epi32(weight_pair(weights, row, n));
            add_pair_avx2(sums, a, b, weight);
            add_pair_avx2(sums + 4, a + 32, b + 32, weight);
        }
        store_avx2(sums, to + at);
        store_avx2(sums + 4, to + at + 32);
    }
}

/* Turns four by four pixels. Reads 16 bytes of each row and uses 12. */
AVX2 static inline void turn_four(const uint8_t *from, size_t from_stride, uint8_t *to,
                                  size_t to_stride)
{
    const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    const __m128i gather = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    __m128i rows[4], pairs[4], columns[4];
    for (size_t i = 0; i < 4; i++)
        rows[i] =
            _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(from + i * from_stride)), spread);
    pairs[0] = _mm_unpacklo_epi32(rows[0], rows[1]);
    pairs[1] = _mm_unpackhi_epi32(rows[0], rows[1]);
    pairs[2] = _mm_unpacklo_epi32(rows[2], rows[3]);
    pairs[3] = _mm_unpackhi_epi32(rows[2], rows[3]);
    columns[0] = _mm_unpacklo_epi64(pairs[0], pairs[2]);
    columns[1] = _mm_unpackhi_epi64(pairs[0], pairs[2]);
    columns[2] = _mm_unpacklo_epi64(pairs[1], pairs[3]);
    columns[3] = _mm_unpackhi_epi64(pairs[1], pairs[3]);
    for (size_t i = 0; i < 4; i++) {
        __m128i column = _mm_shuffle_epi8(columns[i], gather);
        int32_t last = _mm_extract_epi32(column, 2);
        _mm_storel_epi64((__m128i *)(to + i * to_stride), column);
        memcpy(to + i * to_stride + 8, &last, sizeof last);
    }
}

AVX2 static void turn_avx2(const uint8_t *from, size_t from_stride, int width, int height,
                           uint8_t *to, size_t to_stride)
{
    int y = 0;
    for (; y + 4 <= height; y += 4) {
        int x = 0;
        /* The four bytes that are read beyond the pixels lie within the row. */
        for (; x + 6 <= width; x += 4)
            turn_four(from + (size_t)y * from_stride + (size_t)x * 3, from_stride,
                      to + (size_t)x * to_stride + (size_t)y * 3, to_stride);
        turn_plain(from + (size_t)y * from_stride + (size_t)x * 3, from_stride, width - x, 4,
                   to + (size_t)x * to_stride + (size_t)y * 3, to_stride);
    }
    turn_plain(from + (size_t)y * from_stride, from_stride, width, height - y, to + (size_t)y * 3,
               to_stride);
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

void vector_sum_rows(const uint8_t *rows, size_t stride, const int16_t *weights, int n,
                     int32_t start, uint8_t *to)
{
    if (stride >= 64 && has_avx2())
        sum_avx2(rows, stride, weights, n, start, to);
    else if (stride >= 32)
        sum_sse2(rows, stride, weights, n, start, to);
    else
        sum_plain(rows, stride, weights, n, start, to);
}

void vector_turn_rgb(const uint8_t *from, size_t from_stride, int width, int height, uint8_t *to,
                     size_t to_stride)
{
    if (has_avx2())
        turn_avx2(from, from_stride, width, height, to, to_stride);
    else
        turn_plain(from, from_stride, width, height, to, to_stride);
}

void vector_turn_bytes(const uint8_t *from, size_t from_stride, int width, int height, uint8_t *to,
                       size_t to_stride)
{
    if (width >= BLOCK && height >= BLOCK)
        turn_bytes_sse2(from, from_stride, width, height, to, to_stride);
    else
        turn_bytes_plain(from, from_stride, width, height, to, to_stride);
}

const char *vector_name(void)
{
    return has_avx2() ? "AVX2" : "SSE2";
}
#else
void vector_sum_rows(const uint8_t *rows, size_t stride, const int16_t *weights, int n,
                     int32_t start, uint8_t *to)
{
    sum_plain(rows, stride, weights, n, start, to);
}

void vector_turn_rgb(const uint8_t *from, size_t from_stride, int width, int height, uint8_t *to,
                     size_t to_stride)
{
    turn_plain(from, from_stride, width, height, to, to_stride);
}

void vector_turn_bytes(const uint8_t *from, size_t from_stride, int width, int height, uint8_t *to,
                       size_t to_stride)
{
    turn_bytes_plain(from, from_stride, width, height, to, to_stride);
}

const char *vector_name(void)
{
    return "plain C";
}
#endif
