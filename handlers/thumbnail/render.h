/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All renditions of one picture, from a single decoding.
 *
 * The whole picture is scaled at most once for each rendition: from the smallest there is that is
 * still twice as large, or else from the largest, so that quality does not depend on what else was
 * asked for.
 */
#pragma once

#include "geometry.h"
#include "picture.h"
#include "rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    Geometry geometries[RENDITIONS_MAX];
    bool narrow[RENDITIONS_MAX]; /* which planes are best narrow; set by whoever knows the types */
    size_t n;
    int base_width, base_height; /* pixels that serve every geometry; those to decode to */
    Picture *frames[RENDITIONS_MAX +
                    1]; /* the whole picture at the sizes there are; the first is the base */
    size_t n_frames;
    Picture *part; /* the last one that was cut out of a frame */
} Render;

/* Lays out the renditions of a picture of `width` x `height`. Needs no render_clear yet. */
void render_plan(Render *render, const Rendition *renditions, size_t n, int width, int height);

/* Hands over the decoded picture: base_width x base_height of the plan. Owner: render_clear. */
void render_set_base(Render *render, Picture *base);

/* Indexes of the renditions, largest first: the order in which they cost least. */
void render_order(const Render *render, size_t ret_order[static RENDITIONS_MAX]);

/* The whole picture as it is best scaled to that size from: made already, or decoded. Borrowed. */
const Picture *render_best_frame(const Render *render, int width, int height);

/* Which part of a frame of scaled_width x scaled_height is kept: its upper left corner. */
typedef struct {
    int left, top;
} Cut;

/* Errors: ERROR_OUT_OF_MEMORY, ERROR_INTERNAL. */
bool render_find_cut(const Picture *frame, const Rendition *rendition, const Geometry *geometry,
                     Cut *ret_cut, GError **error);

/* True if planes serve rendition `i` as well as red, green and blue: the whole picture, or a part
 * that begins where colours do. */
bool render_takes_planes(const Render *render, const Rendition *rendition, size_t i);

/* Makes rendition `i`. Errors: ERROR_OUT_OF_MEMORY. Borrowed, until the next one. */
const Picture *render_make(Render *render, const Rendition *rendition, size_t i, GError **error);

void render_clear(Render *render);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Render, render_clear)
