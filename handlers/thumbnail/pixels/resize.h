/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scales pictures down, by a separable Lanczos filter of three lobes, in whole numbers: the same
 * pixels on every machine.
 *
 * For a picture that is in memory already, libvips 8.14 (no SIMD across, a pipeline to build and to
 * take down) needs several times as long for the same result.
 */
#pragma once

#include "pixels/picture.h"

#include <glib.h>

/* The meaning of a picture's bands. */
typedef enum {
    /* All bands are alike. */
    RESIZE_PLAIN,
    /* The fourth is alpha: colours count in proportion to it. */
    RESIZE_ALPHA,
} ResizeBands;

/* The exact size of a picture: its last column or row may lie in it only in part. */
typedef struct {
    /* Pixels. */
    double width, height;
    /* See ScaleAxis. */
    double softness;
} ResizeExtent;

/*
 * Returns the picture scaled to exactly `width` x `height`, neither larger than the picture.
 * Errors: ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
Picture *resize_picture(const Picture *picture, int width, int height, ResizeBands bands,
                        GError **error);

/* As resize_picture, for a picture of which only `extent` fills the thumbnail. */
Picture *resize_extent(const Picture *picture, ResizeExtent extent, int width, int height,
                       ResizeBands bands, GError **error);
