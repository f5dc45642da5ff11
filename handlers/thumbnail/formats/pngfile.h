/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG by libpng directly, for files that libvips cannot read well: interlaced files that end early,
 * and files with many texts, whose inflating and storing takes all time and memory. Takes any
 * bytes. Starts no thread.
 */
#pragma once

#include "pixels/picture.h"

#include <glib.h>
#include <stddef.h>

/* The most texts that are not compressed, and palettes, that are kept. */
#define PNGFILE_TEXTS_MAX 16

/*
 * Returns the file without its compressed texts, except the first XMP, and without other texts and
 * suggested palettes beyond the first PNGFILE_TEXTS_MAX. Inflates nothing. NULL: it has none of
 * these, or memory is short. Owner: the caller.
 */
GBytes *pngfile_without_texts(const void *data, size_t size);

/*
 * Decodes the part that a file has which ends early or is damaged, in the colours of the file. The
 * part is coarse where later passes are missing; missing rows are as picture_clear_rows makes them.
 * Errors: ERROR_DAMAGED if it is not `width` x `height`, or has no row; ERROR_OUT_OF_MEMORY. Owner:
 * the caller.
 */
Picture *pngfile_decode_part(const void *data, size_t size, int width, int height, GError **error);
