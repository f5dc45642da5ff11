#include "resize.h"

#include "error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOBES 3

/*
 * All sums are over four floats at once, whatever the number of bands: those beyond the bands are
 * the neighbour's, and are never stored. And they are made of four independent ones, so that no
 * addition waits for the one before. So rows of floats are longer than their pixels need.
 */
typedef float Four __attribute__((vector_size(16)));
#define UNROLL 4
#define SPARE  (4 * UNROLL)

/* For each output pixel of one axis, the `n` input pixels from `first[i]` on and their weights. */
typedef struct {
    int n;
    int stride; /* of weights: n, up to a multiple of UNROLL; those added are 0 */
    int *first;
    float *weights;
} Filter;

/* Everything one scaling needs: freed as a whole. */
typedef struct {
    Filter x, y;
    float *input; /* one row */
    float *ring;  /* the last y.n rows, scaled across */
    float *sums;  /* one row */
} Work;

static double lanczos(double x)
{
    if (fabs(x) < 1e-8)
        return 1;
    if (fabs(x) >= LOBES)
        return 0;
    return LOBES * sin(G_PI * x) * sin(G_PI * x / LOBES) / (G_PI * G_PI * x * x);
}

/* False without memory. */
static bool make_filter(Filter *filter, int from, int to)
{
    double ratio = (double)from / to;
    filter->n = MIN(from, 2 * (int)ceil(LOBES * ratio));
    filter->stride = (filter->n + UNROLL - 1) / UNROLL * UNROLL;
    filter->first = calloc((size_t)to, sizeof *filter->first);
    filter->weights = calloc((size_t)to * (size_t)filter->stride, sizeof *filter->weights);
    if (filter->first == NULL || filter->weights == NULL)
        return false;
    for (int i = 0; i < to; i++) {
        double centre = (i + 0.5) * ratio - 0.5;
        int first = CLAMP((int)ceil(centre - LOBES * ratio), 0, from - filter->n);
        float *weights = filter->weights + (size_t)i * (size_t)filter->stride;
        double sum = 0;
        for (int j = 0; j < filter->n; j++)
            sum += lanczos((first + j - centre) / ratio);
        for (int j = 0; j < filter->n; j++)
            weights[j] = (float)(lanczos((first + j - centre) / ratio) / sum);
        filter->first[i] = first;
    }
    return true;
}

static size_t row_floats(int width, int bands)
{
    return (size_t)width * (size_t)bands + SPARE;
}

static bool make_work(Work *work, const Picture *from, int width, int height)
{
    if (!make_filter(&work->x, from->width, width) || !make_filter(&work->y, from->height, height))
        return false;
    size_t row = row_floats(width, from->bands);
    work->input = calloc(row_floats(from->width, from->bands), sizeof *work->input);
    work->ring = calloc(row * (size_t)work->y.n, sizeof *work->ring);
    work->sums = calloc(row, sizeof *work->sums);
    return work->input != NULL && work->ring != NULL && work->sums != NULL;
}

static void work_clear(Work *work)
{
    free(work->x.first);
    free(work->x.weights);
    free(work->y.first);
    free(work->y.weights);
    free(work->input);
    free(work->ring);
    free(work->sums);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

static void load_row(const Picture *from, int y, ResizeBands bands, float *restrict to)
{
    size_t n = picture_stride(from);
    const uint8_t *restrict row = from->pixels + (size_t)y * n;
    for (size_t i = 0; i < n; i++)
        to[i] = row[i];
    if (bands != RESIZE_ALPHA)
        return;
    for (size_t i = 0; i < n; i += 4) {
        float opacity = to[i + 3] * (1.0F / 255);
        for (size_t band = 0; band < 3; band++)
            to[i + band] *= opacity;
    }
}

/* One input row to the output's width. */
static void scale_across(const Filter *filter, const float *input, int width, size_t bands,
                         float *to)
{
    const float *weights = filter->weights;
    for (int x = 0; x < width; x++) {
        const float *at = input + (size_t)filter->first[x] * bands;
        Four sums[UNROLL] = {0};
        for (int j = 0; j < filter->stride; j += UNROLL) {
            for (int k = 0; k < UNROLL; k++, at += bands) {
                Four pixel;
                memcpy(&pixel, at, sizeof pixel);
                sums[k] += pixel * weights[j + k];
            }
        }
        weights += filter->stride;
        Four sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        /* In order: what this writes beyond its own pixel, the next overwrites. */
        memcpy(to + (size_t)x * bands, &sum, sizeof sum);
    }
}

/* Rows of the ring to one output row. */
static void scale_down(const Work *work, int y, size_t row, float *restrict sums)
{
    const float *weights = work->y.weights + (size_t)y * (size_t)work->y.stride;
    memset(sums, 0, row * sizeof *sums);
    for (int j = 0; j < work->y.n; j++) {
        int at = (work->y.first[y] + j) % work->y.n;
        const float *restrict from = work->ring + (size_t)at * row;
        float weight = weights[j];
        for (size_t i = 0; i < row; i++)
            sums[i] += from[i] * weight;
    }
}

static uint8_t to_byte(float value)
{
    return (uint8_t)(CLAMP(value, 0.0F, 255.0F) + 0.5F);
}

static void store_row(const float *restrict sums, size_t n, ResizeBands bands, uint8_t *restrict to)
{
    if (bands != RESIZE_ALPHA) {
        for (size_t i = 0; i < n; i++)
            to[i] = to_byte(sums[i]);
        return;
    }
    for (size_t i = 0; i < n; i += 4) {
        to[i + 3] = to_byte(sums[i + 3]);
        float scale = to[i + 3] > 0 ? 255 / sums[i + 3] : 0;
        for (size_t band = 0; band < 3; band++)
            to[i + band] = to_byte(sums[i + band] * scale);
    }
}

Picture *resize_picture(const Picture *picture, int width, int height, ResizeBands bands,
                        GError **error)
{
    g_auto(Work) work = {0};
    g_autoptr(Picture) small = picture_new(width, height, picture->bands, error);
    if (small == NULL)
        return NULL;
    if (!make_work(&work, picture, width, height)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                            "not enough memory to scale the picture");
        return NULL;
    }
    size_t n_bands = (size_t)picture->bands;
    size_t row = row_floats(width, picture->bands);
    int next = 0; /* input row to be read */
    for (int y = 0; y < height; y++) {
        for (; next < work.y.first[y] + work.y.n; next++) {
            load_row(picture, next, bands, work.input);
            scale_across(&work.x, work.input, width, n_bands,
                         work.ring + (size_t)(next % work.y.n) * row);
        }
        scale_down(&work, y, row, work.sums);
        store_row(work.sums, picture_stride(small), bands,
                  small->pixels + (size_t)y * picture_stride(small));
    }
    return g_steal_pointer(&small);
}
