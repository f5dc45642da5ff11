/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of resize.h, for rows as they come: a picture on its way out of a decoder is scaled
 * while it is in the cache, and is never in memory as a whole.
 */
#pragma once

#include "picture.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* Columns across, or rows down. */
typedef struct {
    int from, to;  /* how many there are, how many become of them */
    double ratio;  /* of those there are, for each that is made: at least 1 */
    double offset; /* where the first begins, counted in those that are made: 0, or before */
} ScaleAxis;

/* What becomes of each value, in the same step: value x gain + bias. */
typedef struct {
    double gain, bias;
} ScaleLevels;

#define SCALE_LEVELS_SAME ((ScaleLevels){1, 0})

typedef struct Scaler Scaler;

/*
 * For rows of `bands` bands that lie `stride` bytes apart, of which across->from pixels count.
 * Errors: ERROR_OUT_OF_MEMORY. Owner: scaler_free.
 */
Scaler *scaler_new(const ScaleAxis *across, const ScaleAxis *down, ScaleLevels levels, int bands,
                   size_t stride, GError **error);
void scaler_free(Scaler *scaler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scaler, scaler_free)

/* Room for the next `rows` rows, to be written and then added. NULL, with the error, without
 * memory. Borrowed, until the next call. */
uint8_t *scaler_room(Scaler *scaler, int rows, GError **error);

/* Takes the next `rows` rows; those after the last are dropped. */
void scaler_add(Scaler *scaler, int rows);

/* Takes all rows at once from where they are, instead of room and add. */
void scaler_add_all(Scaler *scaler, const uint8_t *rows);

/* The picture, once all rows are added. Owner: the caller. */
Picture *scaler_steal(Scaler *scaler);
