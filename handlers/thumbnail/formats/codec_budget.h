/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits the pixels that the decoders of HEVC and AV1 decode for one file. heif_tiles.c counts by
 * the sizes that a file states; libheif hands the bytes of its pictures to the decoders even if
 * they are larger or more. This module stands between libheif and the decoders: it reads the size
 * of each picture in these bytes, and refuses a picture beyond the budget before it is decoded. One
 * budget for a process; several threads may use it at once.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Finds the decoders. Call it when libheif is loaded, before the sandbox is entered. */
void codec_budget_start(void);

/*
 * A file may decode this many times the pixels that it shows, and this many more: alpha is a second
 * picture, tiles reach past the edges, and there may be layers.
 */
#define CODEC_PIXELS_FACTOR 3
#define CODEC_PIXELS_MORE   (1 << 23)

/*
 * Each picture may have this many times the pixels that the file states, and this many more, as
 * sizes are rounded up to the codec's blocks.
 */
#define CODEC_PICTURE_FACTOR 2
#define CODEC_PICTURE_MORE   (1 << 16)

/*
 * Sets the budget for the next file: the pixels of the picture that it shows, and those of its
 * largest picture, as the file states them.
 */
void codec_budget_set(int64_t shown_pixels, int64_t largest_pixels);

/*
 * True, with an error, if a picture was refused since codec_budget_set. Errors:
 * ERROR_TOO_MANY_PIXELS.
 */
bool codec_budget_is_spent(GError **error);
