/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes all renditions of one picture, from a single decoding.
 *
 * The whole picture is scaled at most once for each rendition: from the smallest one that is still
 * twice as large, otherwise from the largest, so that quality does not depend on the other
 * renditions.
 */
#pragma once

#include "model/rendition.h"
#include "pixels/geometry.h"
#include "pixels/picture.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    Geometry geometries[RENDITIONS_MAX];
    /* The encoder works best with narrow planes; set by the caller, which knows the types. */
    bool narrow[RENDITIONS_MAX];
    size_t n;
    /* The size to decode to, pixels: it serves every geometry. */
    int base_width, base_height;
    /* The whole picture at the sizes that were made; the first is the base. */
    Picture *frames[RENDITIONS_MAX + 1];
    size_t n_frames;
    /* The part that was cut out of a frame last. */
    Picture *part;
} Render;

/* Lays out the renditions of a picture of `width` x `height`. Needs no render_clear yet. */
void render_plan(Render *render, const Rendition *renditions, size_t n, int width, int height);

/* Hands over the decoded picture: base_width x base_height of the plan. Owner: render_clear. */
void render_set_base(Render *render, Picture *base);

/* Sorts the indexes of the renditions, the largest first: this order costs least. */
void render_order(const Render *render, size_t ret_order[static RENDITIONS_MAX]);

/*
 * Returns the whole picture from which that size is scaled best: made already, or decoded.
 * Borrowed.
 */
const Picture *render_best_frame(const Render *render, int width, int height);

/* The upper left corner of the part that is kept, in a frame of scaled_width x scaled_height. */
typedef struct {
    int left, top;
} Cut;

/* Finds the part that is kept. Errors: ERROR_OUT_OF_MEMORY, ERROR_INTERNAL. */
bool render_find_cut(const Picture *frame, const Rendition *rendition, const Geometry *geometry,
                     Cut *ret_cut, GError **error);

/*
 * True if planes serve rendition `i` as well as red, green and blue: it is the whole picture, or a
 * part that begins at a colour sample.
 */
bool render_accepts_planes(const Render *render, const Rendition *rendition, size_t i);

/*
 * Makes rendition `i`. Errors: ERROR_OUT_OF_MEMORY, ERROR_INTERNAL. Borrowed, until the next call.
 */
const Picture *render_make(Render *render, const Rendition *rendition, size_t i, GError **error);

void render_clear(Render *render);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Render, render_clear)
