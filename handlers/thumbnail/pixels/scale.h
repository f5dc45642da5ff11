/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of resize.h, for rows as they come: a picture is scaled while a decoder makes it and
 * it is in the cache, and is never in memory as a whole.
 */
#pragma once

#include "pixels/picture.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* Columns across, or rows down. */
typedef struct {
    /* The number of input and of output pixels. */
    int from, to;
    /* Input pixels for each output pixel, at least 1. */
    double ratio;
    /* Where the first output pixel begins, in output pixels: 0 or less. */
    double offset;
    /*
     * The share of the second difference of the input that is taken off, as input pixels that are
     * means of finer ones are a little soft: 0 for no such pixels, 1 / 24 for exact means.
     */
    double softness;
} ScaleAxis;

/* A conversion of each value, in the same step: value x gain + bias. */
typedef struct {
    double gain, bias;
} ScaleLevels;

#define SCALE_LEVELS_SAME ((ScaleLevels){1, 0})

typedef struct Scaler Scaler;

/*
 * Makes a scaler for rows of `bands` bands that lie `stride` bytes apart and have across->from
 * pixels. Errors: ERROR_OUT_OF_MEMORY. Owner: scaler_free.
 */
Scaler *scaler_new(const ScaleAxis *across, const ScaleAxis *down, ScaleLevels levels, int bands,
                   size_t stride, GError **error);
void scaler_free(Scaler *scaler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scaler, scaler_free)

/*
 * Returns room for the next `rows` rows, which the caller writes and then adds. NULL, with the
 * error, if memory is short. Borrowed, until the next call.
 */
uint8_t *scaler_room(Scaler *scaler, int rows, GError **error);

/* Takes the next `rows` rows; drops rows after the last. */
void scaler_add(Scaler *scaler, int rows);

/* Takes all rows at once from where they are, instead of scaler_room and scaler_add. */
void scaler_add_all(Scaler *scaler, const uint8_t *rows);

/* Returns the picture, once all rows are added. Owner: the caller. */
Picture *scaler_steal(Scaler *scaler);
