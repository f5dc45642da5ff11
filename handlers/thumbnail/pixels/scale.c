/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/scale.h"

#include "base/error.h"
#include "pixels/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOBES 3

/* The weight 1: a sum of weights by bytes fits 32 bits with room for overshoot. */
#define WEIGHT_ONE (1 << VECTOR_WEIGHT_BITS)

/* Output rows that are made at a time: as bytes, whole vectors of any number of bands. */
#define STRIP 64

/* Pixels a side that are transposed at once: they stay in the cache. */
#define TILE 32

/*
 * The window is this many times as long as necessary, and is moved when it is full, which is rare.
 */
#define WINDOW_TIMES 4

/* For each output row, the `n` input rows from `first[i]` on and their weights. */
typedef struct {
    int n;
    int *first;
    int16_t *weights;
    /* The start of each sum. */
    int32_t start;
} Filter;

/*
 * A strip of output rows in the making: scaled in height, turned, scaled in width, turned back. The
 * pictures in between stay in the cache, whatever the size of the picture.
 */
typedef struct {
    Picture *low, *turned, *small;
    /* Rows in `low`. */
    int rows;
} Strip;

/* Input rows `first` to `end`; there is room for `rows`. */
typedef struct {
    uint8_t *pixels;
    size_t stride;
    int rows, first, end;
} Window;

struct Scaler {
    Filter across, down;
    /* Size of the input. */
    int columns, height;
    Window window;
    Strip strip;
    Picture *to;
    /* The output row that is made next. */
    int next;
};

static void filter_clear(Filter *filter)
{
    free(filter->first);
    free(filter->weights);
}

/*
 * Samples Lanczos at x, x + step, x + 2 step, ...; returns the sum. One of the two sines is enough,
 * as sin 3a = 3 sin a - 4 sin^3 a, and each next one is the last, turned on by a step.
 */
static double sample_lanczos(double x, double step, int n, double *ret_samples)
{
    double a = G_PI * x / LOBES, turn = G_PI * step / LOBES;
    double sine = sin(a), cosine = cos(a), turn_sine = sin(turn), turn_cosine = cos(turn);
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double square = sine * sine, value = 1;
        if (fabs(a) > 1e-8)
            value = fabs(a) < G_PI ? square * (3 - 4 * square) / (LOBES * a * a) : 0;
        sum += ret_samples[i] = value;
        double next = sine * turn_cosine + cosine * turn_sine;
        cosine = cosine * turn_cosine - sine * turn_sine;
        sine = next;
        a += turn;
    }
    return sum;
}

/* Takes the second difference off, as ScaleAxis.softness says. Pixels at the rim are repeated. */
static double sharpen(double softness, int n, double *samples)
{
    double before = samples[0], sum = 0;
    for (int i = 0; i < n; i++) {
        double here = samples[i], behind = i + 1 < n ? samples[i + 1] : here;
        samples[i] = here + softness * (2 * here - before - behind);
        sum += samples[i];
        before = here;
    }
    return sum;
}

static int16_t to_weight(double value)
{
    return (int16_t)(value < 0 ? value - 0.5 : value + 0.5);
}

/*
 * Computes the weights of one output row; `exact` is room for `n` numbers. The heaviest weight gets
 * the rest of the rounding: they add up to exactly `one`.
 */
static void make_weights(double centre, const ScaleAxis *axis, int n, int one, double *exact,
                         int16_t *weights)
{
    double sum = sample_lanczos(-centre / axis->ratio, 1 / axis->ratio, n, exact);
    if (axis->softness > 0)
        sum = sharpen(axis->softness, n, exact);
    double scale = one / sum;
    int left = one, heaviest = 0;
    for (int j = 0; j < n; j++) {
        weights[j] = to_weight(exact[j] * scale);
        left -= weights[j];
        if (weights[j] > weights[heaviest])
            heaviest = j;
    }
    weights[heaviest] = (int16_t)(weights[heaviest] + left);
}

/* Computes the weights of all output rows. False if memory is short. */
static bool make_filter(Filter *filter, const ScaleAxis *axis, ScaleLevels levels)
{
    int one = (int)lrint(WEIGHT_ONE * levels.gain);
    filter->start = (int32_t)lrint(WEIGHT_ONE * (levels.bias + 0.5));
    filter->n = MAX(MIN(axis->from, 2 * (int)ceil(LOBES * axis->ratio)), 1);
    filter->first = calloc((size_t)axis->to, sizeof *filter->first);
    filter->weights = calloc((size_t)axis->to * (size_t)filter->n, sizeof *filter->weights);
    g_autofree double *exact = g_try_new0(double, (gsize)filter->n);
    if (filter->first == NULL || filter->weights == NULL || exact == NULL)
        return false;
    for (int i = 0; i < axis->to; i++) {
        double centre = (i + axis->offset + 0.5) * axis->ratio - 0.5;
        int first = CLAMP((int)ceil(centre - LOBES * axis->ratio), 0, axis->from - filter->n);
        filter->first[i] = first;
        make_weights(centre - first, axis, filter->n, one, exact,
                     filter->weights + (size_t)i * (size_t)filter->n);
    }
    return true;
}

static bool make_strip(Strip *strip, const ScaleAxis *across, int bands, size_t stride,
                       GError **error)
{
    strip->low = picture_new((int)(stride / (size_t)bands), STRIP, bands, error);
    strip->turned = strip->low ? picture_new(STRIP, across->from, bands, error) : NULL;
    strip->small = strip->turned ? picture_new(STRIP, across->to, bands, error) : NULL;
    if (strip->small == NULL)
        return false;
    /* The last strip is scaled as a whole although it is not filled. */
    memset(strip->turned->pixels, 0, picture_stride(strip->turned) * (size_t)across->from);
    return true;
}

Scaler *scaler_new(const ScaleAxis *across, const ScaleAxis *down, ScaleLevels levels, int bands,
                   size_t stride, GError **error)
{
    g_autoptr(Scaler) scaler = g_new0(Scaler, 1);
    scaler->columns = across->from;
    scaler->height = down->from;
    scaler->window.stride = stride;
    scaler->to = picture_new(across->to, down->to, bands, error);
    if (scaler->to == NULL || !make_strip(&scaler->strip, across, bands, stride, error))
        return NULL;
    if (!make_filter(&scaler->across, across, levels) ||
        !make_filter(&scaler->down, down, SCALE_LEVELS_SAME)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                            "not enough memory to scale the picture");
        return NULL;
    }
    return g_steal_pointer(&scaler);
}

void scaler_free(Scaler *scaler)
{
    if (scaler == NULL)
        return;
    filter_clear(&scaler->across);
    filter_clear(&scaler->down);
    free(scaler->window.pixels);
    picture_free(scaler->strip.low);
    picture_free(scaler->strip.turned);
    picture_free(scaler->strip.small);
    picture_free(scaler->to);
    g_free(scaler);
}

/* Turns a tile. `bands` is a constant at the call, which makes the copying a single instruction. */
static inline void turn_tile(const uint8_t *from, size_t from_stride, int width, int height,
                             uint8_t *to, size_t to_stride, size_t bands)
{
    for (int x = 0; x < width; x++) {
        for (int y = 0; y < height; y++)
            memcpy(to + (size_t)x * to_stride + (size_t)y * bands,
                   from + (size_t)y * from_stride + (size_t)x * bands, bands);
    }
}

/*
 * Turns `width` x `height` pixels of `from`: rows become columns of `to`. So one function scales in
 * both directions.
 */
static void turn(const Picture *from, int width, int height, uint8_t *to, size_t to_stride)
{
    size_t bands = (size_t)from->bands, from_stride = picture_stride(from);
    for (int top = 0; top < height; top += TILE) {
        for (int left = 0; left < width; left += TILE) {
            int columns = MIN(TILE, width - left), rows = MIN(TILE, height - top);
            const uint8_t *source = from->pixels + (size_t)top * from_stride + (size_t)left * bands;
            uint8_t *target = to + (size_t)left * to_stride + (size_t)top * bands;
            if (bands == 1)
                vector_turn_bytes(source, from_stride, columns, rows, target, to_stride);
            else if (bands == 3)
                vector_turn_rgb(source, from_stride, columns, rows, target, to_stride);
            else
                turn_tile(source, from_stride, columns, rows, target, to_stride, 4);
        }
    }
}

/* Scales the strip in width, and puts it into the output as the last rows so far. */
static void finish_strip(Scaler *scaler)
{
    Strip *strip = &scaler->strip;
    const Filter *across = &scaler->across;
    size_t stride = picture_stride(strip->turned), to_stride = picture_stride(scaler->to);
    turn(strip->low, scaler->columns, strip->rows, strip->turned->pixels, stride);
    for (int x = 0; x < strip->small->height; x++)
        vector_sum_rows(strip->turned->pixels + (size_t)across->first[x] * stride, stride,
                        across->weights + (size_t)x * (size_t)across->n, across->n, across->start,
                        strip->small->pixels + (size_t)x * stride);
    turn(strip->small, strip->rows, strip->small->height,
         scaler->to->pixels + (size_t)(scaler->next - strip->rows) * to_stride, to_stride);
    strip->rows = 0;
}

/*
 * Makes the output rows that need no more than `rows`, which begin with input row `first` and end
 * before row `end`.
 */
static void make_rows(Scaler *scaler, const uint8_t *rows, int first, int end)
{
    const Filter *down = &scaler->down;
    size_t stride = scaler->window.stride;
    Picture *low = scaler->strip.low;
    while (scaler->next < scaler->to->height && down->first[scaler->next] + down->n <= end) {
        int y = scaler->next++;
        vector_sum_rows(rows + (size_t)(down->first[y] - first) * stride, stride,
                        down->weights + (size_t)y * (size_t)down->n, down->n, down->start,
                        low->pixels + (size_t)scaler->strip.rows++ * stride);
        if (scaler->strip.rows == STRIP || scaler->next == scaler->to->height)
            finish_strip(scaler);
    }
}

/* Drops the rows that no output row needs any more. */
static void move_window(Scaler *scaler)
{
    Window *window = &scaler->window;
    int keep = scaler->next < scaler->to->height ? scaler->down.first[scaler->next] : window->end;
    keep = CLAMP(keep, window->first, window->end);
    memmove(window->pixels, window->pixels + (size_t)(keep - window->first) * window->stride,
            (size_t)(window->end - keep) * window->stride);
    window->first = keep;
}

uint8_t *scaler_room(Scaler *scaler, int rows, GError **error)
{
    Window *window = &scaler->window;
    if (window->pixels == NULL) {
        window->rows = WINDOW_TIMES * (scaler->down.n + rows);
        window->pixels = malloc((size_t)window->rows * window->stride);
        if (window->pixels == NULL) {
            g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                                "not enough memory to scale the picture");
            return NULL;
        }
    }
    if (window->end - window->first + rows > window->rows)
        move_window(scaler);
    return window->pixels + (size_t)(window->end - window->first) * window->stride;
}

void scaler_add(Scaler *scaler, int rows)
{
    Window *window = &scaler->window;
    window->end = MIN(window->end + rows, scaler->height);
    make_rows(scaler, window->pixels, window->first, window->end);
}

void scaler_add_all(Scaler *scaler, const uint8_t *rows)
{
    make_rows(scaler, rows, 0, scaler->height);
}

Picture *scaler_steal(Scaler *scaler)
{
    return g_steal_pointer(&scaler->to);
}
