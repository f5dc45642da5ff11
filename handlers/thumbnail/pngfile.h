/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG by libpng directly, for what libvips makes nothing of: interlaced files that end early, and
 * files with texts, of which inflating and storing them takes all time and memory. Takes any bytes.
 * Starts no thread.
 */
#pragma once

#include "picture.h"

#include <glib.h>
#include <stddef.h>

/* Texts that are kept, of those that are not compressed. */
#define PNGFILE_TEXTS_MAX 16

/*
 * The file without compressed texts, but for the first XMP, and without the other texts and
 * suggested palettes beyond the first PNGFILE_TEXTS_MAX: before anything is inflated. NULL: it has
 * none of these, or there is no memory. Owner: the caller.
 */
GBytes *pngfile_without_texts(const void *data, size_t size);

/*
 * What there is of a file that ends early or is damaged, in the colours of the file: where later
 * passes are missing, coarse; rows of which there is nothing as picture_clear_rows makes them.
 * Errors: ERROR_DAMAGED if it is not `width` x `height`, or there is no row; ERROR_OUT_OF_MEMORY.
 * Owner: the caller.
 */
Picture *pngfile_decode_part(const void *data, size_t size, int width, int height, GError **error);
