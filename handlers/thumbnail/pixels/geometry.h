/* SPDX-License-Identifier: Apache-2.0 */
/* Computes the size of each rendition, and the part of it that is kept. Plain arithmetic. */
#pragma once

#include "model/rendition.h"

typedef struct {
    /* The whole picture, in pixels. */
    int scaled_width, scaled_height;
    /* The part that is kept, no larger. */
    int width, height;
} Geometry;

/*
 * Returns the geometry of a rendition of an upright picture of `width` x `height` pixels. Never
 * enlarges, on neither axis: a picture smaller than the rendition keeps its size.
 */
Geometry geometry_for(const Rendition *rendition, int width, int height);
