/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts between images of libvips and pictures in memory: scaling and colours.
 *
 * Pixels are pulled through libvips on the calling thread, strip by strip: no thread is started,
 * and no more of a large source is held than the strip needs.
 */
#pragma once

#include "pixels/picture.h"

#include <glib.h>
#include <stdbool.h>
#include <vips/vips.h>

typedef enum {
    /* Colours become sRGB. */
    FRAME_SRGB,
    /* RGB stays in the space of the embedded profile. */
    FRAME_OWN_COLORS,
} FrameColors;

/*
 * Pulls all of `image`, scaled to exactly `width` x `height` (no larger than the image), in sRGB.
 * Colours are converted by the embedded profile if it fits, otherwise by the interpretation of the
 * image; 16-bit, float, grey, CMYK and multi-band images become 8-bit RGB or RGBA. Errors:
 * ERROR_DAMAGED, ERROR_OUT_OF_MEMORY, ERROR_UNSUPPORTED_TYPE. Owner: the caller.
 */
Picture *frame_pull(VipsImage *image, int width, int height, FrameColors colors, GError **error);

/*
 * As frame_pull, for a damaged picture: the pixels after the last whole row are grey, or
 * transparent if there is alpha. It is an error only if there is no row at all.
 */
Picture *frame_pull_part(VipsImage *image, int width, int height, FrameColors colors,
                         GError **error);

/* Converts a picture in the space of `icc` to sRGB. Errors, owner: as frame_pull. */
Picture *frame_to_srgb(const Picture *picture, GBytes *icc, GError **error);

/*
 * Makes a libvips image over the pixels of `picture`, which must outlive it: 1 band is grey, 3
 * sRGB, and 4 sRGB with alpha, or CMYK with `cmyk`. Owner: the caller.
 */
VipsImage *frame_wrap(const Picture *picture, bool cmyk, GError **error);

/*
 * Finds the most interesting part of `width` x `height`, by libvips. Errors: ERROR_INTERNAL,
 * ERROR_OUT_OF_MEMORY.
 */
bool frame_find_part(const Picture *picture, int width, int height, VipsInteresting interesting,
                     int *ret_left, int *ret_top, GError **error);
