/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of a GIF file, and the facts in some of them. Takes any bytes, decodes no pixel, and
 * needs no libvips. Source: GIF89a, sections 18 to 27.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int left, top, width, height;
} GifPlace;

/* Finds the place of the first frame on the canvas. False: the file ends before it. */
bool gif_first_place(const uint8_t *data, size_t size, GifPlace *ret_place);

/*
 * Finds XMP, without the bytes that its writers add so that readers of GIF pass it. NULL: there is
 * none. Borrows `data`. Source: XMP specification, part 3, section 1.1.2.
 */
const uint8_t *gif_xmp(const uint8_t *data, size_t size, size_t *ret_size);

/*
 * Returns the file with a further frame at its end: one pixel, which is clear. With a clear colour
 * in any frame, libvips keeps the alpha of all frames. NULL: the file has no end, or memory is
 * short. Owner: the caller.
 */
GBytes *gif_with_clear_frame(const uint8_t *data, size_t size);
