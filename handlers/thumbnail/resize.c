#include "resize.h"

#include "error.h"
#include "vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOBES 3

/* A sum of weights by bytes fits 32 bits with room for overshoot. */
#define WEIGHT_ONE (1 << VECTOR_WEIGHT_BITS)

/* Output rows made at a time: as bytes, whole vectors of any number of bands. */
#define STRIP 64

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
    /* sin 3a = 3 sin a - 4 sin^3 a: one of the two sines is enough. */
    double a = G_PI * x / LOBES, s = sin(a);
    return s * s * (3 - 4 * s * s) / (LOBES * a * a);
}

/* One output row's weights, by way of `exact`. What rounding leaves over goes to the heaviest: they
 * add up to exactly one. */
static void make_weights(double centre, double ratio, int n, double *exact, int16_t *weights)
{
    double sum = 0;
    for (int j = 0; j < n; j++)
        sum += exact[j] = lanczos((j - centre) / ratio);
    int left = WEIGHT_ONE, heaviest = 0;
    for (int j = 0; j < n; j++) {
        weights[j] = (int16_t)lrint(WEIGHT_ONE * exact[j] / sum);
        left -= weights[j];
        if (weights[j] > weights[heaviest])
            heaviest = j;
    }
    weights[heaviest] = (int16_t)(weights[heaviest] + left);
}

/* False without memory. */
static bool make_filter(Filter *filter, int from, double extent, int to)
{
    double ratio = extent / to;
    filter->n = MIN(from, 2 * (int)ceil(LOBES * ratio));
    filter->first = calloc((size_t)to, sizeof *filter->first);
    filter->weights = calloc((size_t)to * (size_t)filter->n, sizeof *filter->weights);
    g_autofree double *exact = g_try_new(double, (gsize)filter->n);
    if (filter->first == NULL || filter->weights == NULL || exact == NULL)
        return false;
    for (int i = 0; i < to; i++) {
        double centre = (i + 0.5) * ratio - 0.5;
        int first = CLAMP((int)ceil(centre - LOBES * ratio), 0, from - filter->n);
        filter->first[i] = first;
        make_weights(centre - first, ratio, filter->n, exact,
                     filter->weights + (size_t)i * (size_t)filter->n);
    }
    return true;
}

/* Writes the rows of `to` from `top` on, made of those of `from`, which is as wide. */
static void scale_rows(const Picture *from, const Filter *filter, int top, Picture *to)
{
    size_t stride = picture_stride(from);
    for (int y = 0; y < to->height; y++)
        vector_sum_rows(from->pixels + (size_t)filter->first[top + y] * stride, stride,
                        filter->weights + (size_t)(top + y) * (size_t)filter->n, filter->n,
                        to->pixels + (size_t)y * stride);
}

/* One tile; `bands` is a constant where it is called, which makes the copying a single instruction.
 */
static inline void transpose_tile(const Picture *from, Picture *to, int left, int top, size_t bands)
{
    size_t from_stride = picture_stride(from), to_stride = picture_stride(to);
    int width = MIN(TILE, from->width - left), height = MIN(TILE, from->height - top);
    const uint8_t *source = from->pixels + (size_t)top * from_stride + (size_t)left * bands;
    uint8_t *target = to->pixels + (size_t)left * to_stride + (size_t)top * bands;
    if (bands == 3) {
        vector_turn_rgb(source, from_stride, width, height, target, to_stride);
        return;
    }
    for (int x = 0; x < width; x++) {
        for (int y = 0; y < height; y++)
            memcpy(target + (size_t)x * to_stride + (size_t)y * bands,
                   source + (size_t)y * from_stride + (size_t)x * bands, bands);
    }
}

/* Rows become columns, so that both ways of scaling are one. */
static void transpose(const Picture *from, Picture *to)
{
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
}

/*
 * A strip of output rows on its way: scaled in height, turned, scaled in width, turned back. What
 * lies in between stays in the cache, whatever the size of the picture.
 */
typedef struct {
    Picture *low, *turned, *small, *back;
} Strip;

static void strip_clear(Strip *strip)
{
    picture_free(strip->low);
    picture_free(strip->turned);
    picture_free(strip->small);
    picture_free(strip->back);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Strip, strip_clear)

static bool make_strip(Strip *strip, int from_width, int to_width, int bands, GError **error)
{
    strip->low = picture_new(from_width, STRIP, bands, error);
    strip->turned = strip->low ? picture_new(STRIP, from_width, bands, error) : NULL;
    strip->small = strip->turned ? picture_new(STRIP, to_width, bands, error) : NULL;
    strip->back = strip->small ? picture_new(to_width, STRIP, bands, error) : NULL;
    if (strip->back == NULL)
        return false;
    /* The last strip is not filled, and yet turned as a whole. */
    memset(strip->low->pixels, 0, picture_stride(strip->low) * STRIP);
    return true;
}

static bool make_filters(Filter *down, Filter *across, const Picture *from, ResizeExtent extent,
                         const Picture *to, GError **error)
{
    if (make_filter(down, from->height, extent.height, to->height) &&
        make_filter(across, from->width, extent.width, to->width))
        return true;
    g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                        "not enough memory to scale the picture");
    return false;
}

static Picture *scale(const Picture *from, ResizeExtent extent, int width, int height,
                      GError **error)
{
    g_auto(Filter) down = {0}, across = {0};
    g_auto(Strip) strip = {0};
    g_autoptr(Picture) to = picture_new(width, height, from->bands, error);
    if (to == NULL || !make_filters(&down, &across, from, extent, to, error) ||
        !make_strip(&strip, from->width, width, from->bands, error))
        return NULL;
    size_t stride = picture_stride(to);
    for (int top = 0; top < height; top += STRIP) {
        int rows = strip.low->height = MIN(STRIP, height - top);
        scale_rows(from, &down, top, strip.low);
        strip.low->height = STRIP;
        transpose(strip.low, strip.turned);
        scale_rows(strip.turned, &across, 0, strip.small);
        transpose(strip.small, strip.back);
        memcpy(to->pixels + (size_t)top * stride, strip.back->pixels, (size_t)rows * stride);
    }
    return g_steal_pointer(&to);
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

Picture *resize_extent(const Picture *picture, ResizeExtent extent, int width, int height,
                       ResizeBands bands, GError **error)
{
    if (bands != RESIZE_ALPHA)
        return scale(picture, extent, width, height, error);
    g_autoptr(Picture) premultiplied = premultiply(picture, error);
    if (premultiplied == NULL)
        return NULL;
    Picture *small = scale(premultiplied, extent, width, height, error);
    if (small != NULL)
        unpremultiply(small);
    return small;
}

Picture *resize_picture(const Picture *picture, int width, int height, ResizeBands bands,
                        GError **error)
{
    const ResizeExtent whole = {picture->width, picture->height};
    return resize_extent(picture, whole, width, height, bands, error);
}
