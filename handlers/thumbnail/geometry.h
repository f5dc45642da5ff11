/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large each rendition is made, and which part of it is kept. Plain arithmetic.
 */
#pragma once

#include "rendition.h"

typedef struct {
    int scaled_width, scaled_height; /* all of the picture, in pixels */
    int width, height;               /* what is kept of it: no larger */
} Geometry;

/*
 * The geometry of a rendition of a picture of `width` x `height` (as a person sees it). Never
 * enlarges, on neither axis: a picture smaller than the rendition keeps its size.
 */
Geometry geometry_for(const Rendition *rendition, int width, int height);
