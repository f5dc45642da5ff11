/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much there is to decode in a HEIC or AVIF file. A picture there may be made of other
 * pictures: a grid of tiles, or pictures laid over one another. Each reference to one takes two
 * bytes, and libheif decodes the picture anew for each: so they are counted, by the `meta` box
 * alone, before libheif sees the file.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * References to tiles, and to pictures that hold alpha, in the whole file; and tiles that decoding
 * any one picture takes. 48 megapixels of a phone have about 200 tiles of 512 x 512; 150, the
 * default limit, have 600. Each takes half a millisecond, however small it is.
 */
#define HEIF_REFERENCES_MAX 4096

/* A tile counts for at least these: less it cannot cost. */
#define HEIF_TILE_PIXELS_MIN (64 * 64)

/*
 * Tiles may have this many times `max_pixels` together, and what the smallest ones that are let
 * through have: the last tiles of a grid reach past its edges, and alpha is a picture of its own.
 */
#define HEIF_PIXELS_FACTOR 4

/* Pictures made of others that decoding one picture takes, and how deep one lies in another. */
#define HEIF_DERIVED_MAX 16
#define HEIF_DEPTH_MAX   2

/*
 * False if decoding any picture of the file takes more than that. What is no file of this kind, or
 * ends early, passes with what there is of it, and is left to libheif. Limits: never reads outside
 * of `data`; time in proportion to the size of the `meta` box. Errors: ERROR_TOO_MANY_PIXELS,
 * ERROR_UNSUPPORTED_TYPE (too deep), ERROR_DAMAGED (references that readers might understand in two
 * ways), ERROR_OUT_OF_MEMORY.
 */
bool heif_tiles_check(const void *data, size_t size, int64_t max_pixels, GError **error);
