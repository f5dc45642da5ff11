/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebP by libwebp directly. Writing: libvips 8.14.1 cannot be kept from adding EXIF of its own, and
 * would take three threads for it. Reading: only what libvips refuses, files that end early.
 * Starts no thread.
 */
#pragma once

#include "picture.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Encodes `picture`, which may be planes, as lossy WebP without metadata, alpha lossless.
 * `quality` 1..100. Errors: ERROR_OUT_OF_MEMORY; ERROR_OUTPUT_TOO_LARGE beyond what the format can
 * hold (16383 pixels a side). Owner: the caller.
 */
GBytes *webp_encode(const Picture *picture, int quality, GError **error);

/* Size and alpha as the first bytes say; false if they say nothing. */
bool webp_features(const void *data, size_t size, int *ret_width, int *ret_height, bool *ret_alpha);

/*
 * An animation that ends early, as one that has as many frames as are whole. NULL: it is none, it
 * does not end early, there is no whole frame, or no memory. Owner: the caller.
 */
GBytes *webp_whole_frames(const void *data, size_t size);

/*
 * The rows there are of a lossy or lossless still picture that ends early, at its full size; the
 * others are as picture_clear_rows makes them. Errors: ERROR_DAMAGED if there are none;
 * ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
Picture *webp_decode_part(const void *data, size_t size, GError **error);
