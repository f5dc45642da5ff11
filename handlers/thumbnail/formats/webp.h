/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebP by libwebp directly. Writing: libvips 8.14.1 always adds EXIF of its own, and would take
 * three threads. Reading: only files that libvips refuses, as they end early. Starts no thread.
 */
#pragma once

#include "pixels/picture.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Encodes `picture`, which may be planes, as lossy WebP without metadata, with lossless alpha.
 * `quality` 1..100. Errors: ERROR_OUT_OF_MEMORY; ERROR_INTERNAL (another version of libwebp);
 * ERROR_OUTPUT_TOO_LARGE beyond the limits of the format (16383 pixels a side). Owner: the caller.
 */
GBytes *webp_encode(const Picture *picture, int quality, GError **error);

/*
 * Reads size and alpha from the first bytes. False if they do not have them, or if it is an
 * animation.
 */
bool webp_features(const void *data, size_t size, int *ret_width, int *ret_height, bool *ret_alpha);

/* Returns the number of frames of an animation, by its chunks. Stops after `most` + 1 of them. */
int webp_count_frames(const void *data, size_t size, int most);

/*
 * Returns an animation that ends early as one that has only its whole frames. NULL: it is no WebP
 * file that ends early, it has no whole frame, or memory is short. Owner: the caller.
 */
GBytes *webp_whole_frames(const void *data, size_t size);

/*
 * Returns an animation with its first frame only, and all of its metadata. NULL: memory is short.
 * `data` has at least the 12 bytes of the head. Owner: the caller.
 */
GBytes *webp_first_frame(const void *data, size_t size);

/*
 * Decodes the rows that a lossy or lossless still picture has which ends early, at its full size;
 * the others are as picture_clear_rows makes them. Errors: ERROR_DAMAGED if there are none;
 * ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
Picture *webp_decode_part(const void *data, size_t size, GError **error);
