#include "resize.h"

#include "error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LOBES 3

/* Weights are fixed-point numbers, so that a sum of them by bytes fits 32 bits with room for
 * overshoot. */
#define WEIGHT_BITS 14
#define WEIGHT_ONE  (1 << WEIGHT_BITS)

/* Pixels a side that are transposed at once: they stay in the cache. */
#define TILE 32

/* For each output row, the `n` input rows from `first[i]` on and their weights. */
typedef struct {
    int n;
    int *first;
    int16_t *weights;
} Filter;

static void filter_clear(Filter *filter)
{
    free(filter->first);
    free(filter->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Filter, filter_clear)

static double lanczos(double x)
{
    if (fabs(x) < 1e-8)
        return 1;
    if (fabs(x) >= LOBES)
        return 0;
    return LOBES * sin(G_PI * x) * sin(G_PI * x / LOBES) / (G_PI * G_PI * x * x);
}

/* One output row's weights. What rounding leaves over goes to the heaviest: they add up to exactly
 * one. */
static void make_weights(double centre, double ratio, int n, int16_t *weights)
{
    double sum = 0;
    for (int j = 0; j < n; j++)
        sum += lanczos((j - centre) / ratio);
    int left = WEIGHT_ONE, heaviest = 0;
    for (int j = 0; j < n; j++) {
        weights[j] = (int16_t)lrint(WEIGHT_ONE * lanczos((j - centre) / ratio) / sum);
        left -= weights[j];
        if (weights[j] > weights[heaviest])
            heaviest = j;
    }
    weights[heaviest] = (int16_t)(weights[heaviest] + left);
}

/* False without memory. */
static bool make_filter(Filter *filter, int from, int to)
{
    double ratio = (double)from / to;
    filter->n = MIN(from, 2 * (int)ceil(LOBES * ratio));
    filter->first = calloc((size_t)to, sizeof *filter->first);
    filter->weights = calloc((size_t)to * (size_t)filter->n, sizeof *filter->weights);
    if (filter->first == NULL || filter->weights == NULL)
        return false;
    for (int i = 0; i < to; i++) {
        double centre = (i + 0.5) * ratio - 0.5;
        int first = CLAMP((int)ceil(centre - LOBES * ratio), 0, from - filter->n);
        filter->first[i] = first;
        make_weights(centre - first, ratio, filter->n,
                     filter->weights + (size_t)i * (size_t)filter->n);
    }
    return true;
}

#ifdef __SSE2__
/* Adds 16 columns of two rows, side by side so that one instruction multiplies and adds four pairs.
 */
static inline void add_pair(__m128i sums[4], const uint8_t *a, const uint8_t *b, __m128i weight)
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

static inline void store_bytes(const __m128i sums[4], uint8_t *to)
{
    __m128i low =
        _mm_packs_epi32(_mm_srai_epi32(sums[0], WEIGHT_BITS), _mm_srai_epi32(sums[1], WEIGHT_BITS));
    __m128i high =
        _mm_packs_epi32(_mm_srai_epi32(sums[2], WEIGHT_BITS), _mm_srai_epi32(sums[3], WEIGHT_BITS));
    _mm_storeu_si128((__m128i *)to, _mm_packus_epi16(low, high));
}

/* The sums of 32 columns at a time, with what every x86-64 has. Returns how many columns are done.
 */
static size_t sum_vectors(const uint8_t *rows, size_t stride, const int16_t *weights, int n,
                          uint8_t *to)
{
    size_t at = 0;
    for (; at + 32 <= stride; at += 32) {
        __m128i sums[8];
        for (int i = 0; i < 8; i++)
            sums[i] = _mm_set1_epi32(WEIGHT_ONE / 2);
        for (int row = 0; row < n; row += 2) {
            bool pair = row + 1 < n;
            const uint8_t *a = rows + (size_t)row * stride + at, *b = pair ? a + stride : a;
            __m128i weight = _mm_unpacklo_epi16(_mm_set1_epi16(weights[row]),
                                                _mm_set1_epi16(pair ? weights[row + 1] : 0));
            add_pair(sums, a, b, weight);
            add_pair(sums + 4, a + 16, b + 16, weight);
        }
        store_bytes(sums, to + at);
        store_bytes(sums + 4, to + at + 16);
    }
    return at;
}
#else
static size_t sum_vectors(const uint8_t *rows, size_t stride, const int16_t *weights, int n,
                          uint8_t *to)
{
    (void)rows, (void)stride, (void)weights, (void)n, (void)to;
    return 0;
}
#endif

/* One output row of `stride` bytes from `n` input rows. */
static void sum_rows(const uint8_t *rows, size_t stride, const int16_t *weights, int n, uint8_t *to)
{
    for (size_t at = sum_vectors(rows, stride, weights, n, to); at < stride; at++) {
        int32_t sum = WEIGHT_ONE / 2;
        for (int row = 0; row < n; row++)
            sum += rows[(size_t)row * stride + at] * weights[row];
        sum >>= WEIGHT_BITS;
        to[at] = (uint8_t)CLAMP(sum, 0, 255);
    }
}

/* Scales down the rows of `from` to those of `to`, which is as wide. False without memory. */
static bool scale_rows(const Picture *from, Picture *to)
{
    g_auto(Filter) filter = {0};
    if (!make_filter(&filter, from->height, to->height))
        return false;
    size_t stride = picture_stride(from);
    for (int y = 0; y < to->height; y++)
        sum_rows(from->pixels + (size_t)filter.first[y] * stride, stride,
                 filter.weights + (size_t)y * (size_t)filter.n, filter.n,
                 to->pixels + (size_t)y * stride);
    return true;
}

/* One tile; `bands` is a constant where it is called, which makes the copying a single instruction.
 */
static inline void transpose_tile(const Picture *from, Picture *to, int left, int top, size_t bands)
{
    size_t from_stride = picture_stride(from), to_stride = picture_stride(to);
    int right = MIN(left + TILE, from->width), bottom = MIN(top + TILE, from->height);
    for (int x = left; x < right; x++) {
        const uint8_t *source = from->pixels + (size_t)top * from_stride + (size_t)x * bands;
        uint8_t *target = to->pixels + (size_t)x * to_stride + (size_t)top * bands;
        for (int y = top; y < bottom; y++, source += from_stride, target += bands)
            memcpy(target, source, bands);
    }
}

/* Rows become columns, so that both ways of scaling are one. */
static Picture *transpose(const Picture *from, GError **error)
{
    Picture *to = picture_new(from->height, from->width, from->bands, error);
    if (to == NULL)
        return NULL;
    for (int top = 0; top < from->height; top += TILE) {
        for (int left = 0; left < from->width; left += TILE) {
            if (from->bands == 1)
                transpose_tile(from, to, left, top, 1);
            else if (from->bands == 3)
                transpose_tile(from, to, left, top, 3);
            else
                transpose_tile(from, to, left, top, 4);
        }
    }
    return to;
}

/* Scaled to `height` rows. */
static Picture *scale_height(const Picture *from, int height, GError **error)
{
    g_autoptr(Picture) to = picture_new(from->width, height, from->bands, error);
    if (to == NULL)
        return NULL;
    if (!scale_rows(from, to)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                            "not enough memory to scale the picture");
        return NULL;
    }
    return g_steal_pointer(&to);
}

static Picture *scale(const Picture *from, int width, int height, GError **error)
{
    g_autoptr(Picture) low = scale_height(from, height, error);
    if (low == NULL || low->width == width)
        return g_steal_pointer(&low);
    g_autoptr(Picture) turned = transpose(low, error);
    if (turned == NULL)
        return NULL;
    g_clear_pointer(&low, picture_free);
    g_autoptr(Picture) small = scale_height(turned, width, error);
    return small != NULL ? transpose(small, error) : NULL;
}

static Picture *premultiply(const Picture *from, GError **error)
{
    Picture *to = picture_new(from->width, from->height, 4, error);
    size_t n = picture_stride(from) * (size_t)from->height;
    for (size_t i = 0; to != NULL && i < n; i += 4) {
        unsigned alpha = from->pixels[i + 3];
        for (size_t band = 0; band < 3; band++)
            to->pixels[i + band] = (uint8_t)((from->pixels[i + band] * alpha + 127) / 255);
        to->pixels[i + 3] = (uint8_t)alpha;
    }
    return to;
}

static void unpremultiply(Picture *picture)
{
    size_t n = picture_stride(picture) * (size_t)picture->height;
    for (size_t i = 0; i < n; i += 4) {
        unsigned alpha = picture->pixels[i + 3];
        for (size_t band = 0; band < 3; band++) {
            unsigned value = alpha > 0 ? (picture->pixels[i + band] * 255U + alpha / 2) / alpha : 0;
            picture->pixels[i + band] = (uint8_t)MIN(value, 255);
        }
    }
}

Picture *resize_picture(const Picture *picture, int width, int height, ResizeBands bands,
                        GError **error)
{
    if (bands != RESIZE_ALPHA)
        return scale(picture, width, height, error);
    g_autoptr(Picture) premultiplied = premultiply(picture, error);
    if (premultiplied == NULL)
        return NULL;
    Picture *small = scale(premultiplied, width, height, error);
    if (small != NULL)
        unpremultiply(small);
    return small;
}
