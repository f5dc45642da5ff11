/*
 * WebP out of memory, by libwebp directly: libvips 8.14.1 cannot be kept from adding EXIF of its
 * own, and would take three threads for it. Starts none.
 */
#pragma once

#include "picture.h"

#include <glib.h>

/*
 * Encodes `picture` as lossy WebP without metadata, alpha lossless. `quality` 1..100.
 * Errors: ERROR_OUT_OF_MEMORY; ERROR_OUTPUT_TOO_LARGE beyond what the format can hold (16383 pixels
 * a side). Owner: the caller.
 */
GBytes *webp_encode(const Picture *picture, int quality, GError **error);
