/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between libvips' images and pictures in memory: scaling and colours.
 *
 * Pixels are pulled through libvips on the calling thread, strip by strip: no thread is started,
 * and no more of a large source is held than the strip needs.
 */
#pragma once

#include "picture.h"

#include <glib.h>
#include <stdbool.h>
#include <vips/vips.h>

typedef enum {
    FRAME_SRGB,       /* colours become sRGB */
    FRAME_OWN_COLORS, /* RGB stays in the space of the embedded profile */
} FrameColors;

/*
 * Pulls all of `image`, scaled to exactly `width` x `height` (no larger than it is), in sRGB: by
 * its embedded profile where it has one that fits, else by what its interpretation says; 16-bit,
 * float, grey, CMYK and multi-band images become 8-bit RGB or RGBA. Errors: ERROR_DAMAGED,
 * ERROR_OUT_OF_MEMORY, ERROR_UNSUPPORTED_TYPE. Owner: the caller.
 */
Picture *frame_pull(VipsImage *image, int width, int height, FrameColors colors, GError **error);

/*
 * As frame_pull, of a picture that is damaged: what follows the last whole row is grey, or clear
 * where there is alpha. It is an error only if there is no row at all.
 */
Picture *frame_pull_part(VipsImage *image, int width, int height, FrameColors colors,
                         GError **error);

/* A picture whose colours are by `icc`, in sRGB. Errors, owner: as frame_pull. */
Picture *frame_to_srgb(const Picture *picture, GBytes *icc, GError **error);

/*
 * A libvips image over the pixels of `picture`, which must outlive it: 1 band is grey, 3 sRGB, and
 * 4 sRGB with alpha, or CMYK with `cmyk`. Owner: the caller.
 */
VipsImage *frame_wrap(const Picture *picture, bool cmyk, GError **error);

/* Where libvips finds the most interesting part of `width` x `height`. Errors: ERROR_INTERNAL,
 * ERROR_OUT_OF_MEMORY. */
bool frame_find_part(const Picture *picture, int width, int height, VipsInteresting interesting,
                     int *ret_left, int *ret_top, GError **error);
