/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scaling pictures down, by a separable Lanczos filter of three lobes, in whole numbers: the same
 * pixels on every machine.
 *
 * Of our own because for a picture that is in memory already, libvips 8.14 (no SIMD across, a
 * pipeline to build and to take down) needs several times as long for the same result.
 */
#pragma once

#include "picture.h"

#include <glib.h>

/* What the bands of a picture are. */
typedef enum {
    RESIZE_PLAIN, /* all alike */
    RESIZE_ALPHA, /* the fourth is alpha: colours count as much as they are opaque */
} ResizeBands;

/* What of a picture's sides is the picture: a last column or row may be so in part only. */
typedef struct {
    double width, height; /* pixels */
} ResizeExtent;

/*
 * Scaled to exactly `width` x `height`, neither larger than the picture's.
 * Errors: ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
Picture *resize_picture(const Picture *picture, int width, int height, ResizeBands bands,
                        GError **error);

/* The same for a picture of which only `extent` is to fill the thumbnail. */
Picture *resize_extent(const Picture *picture, ResizeExtent extent, int width, int height,
                       ResizeBands bands, GError **error);
