/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the work of decoding a HEIC or AVIF file. A picture there may be made of other pictures: a
 * grid of tiles, or pictures laid over one another. Each reference to one takes two bytes, and
 * libheif decodes the picture anew for each. So references are counted, by the `meta` box alone,
 * before libheif gets the file.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The most references to tiles, and to pictures that hold alpha, in the whole file; also the most
 * tiles that are decoded for one picture. 48 megapixels of a phone have about 200 tiles of 512 x
 * 512; 250, the default limit, have 960. Each takes half a millisecond, however small it is.
 */
#define HEIF_REFERENCES_MAX 4096

/* A smaller tile counts as many pixels, as it costs no less. */
#define HEIF_TILE_PIXELS_MIN (64 * 64)

/*
 * Tiles may have this many times `max_pixels` together, and the pixels of the smallest tiles that
 * are allowed: the last tiles of a grid reach past its edges, and alpha is a picture of its own.
 */
#define HEIF_PIXELS_FACTOR 2

/*
 * The most pictures made of others that are decoded for one picture, and how deep one may lie in
 * another.
 */
#define HEIF_DERIVED_MAX 16
#define HEIF_DEPTH_MAX   2

/* Statements of the file about its pictures. Pixels: 0 if the file does not state them. */
typedef struct {
    /* Pixels of the picture that is shown. */
    int64_t primary;
    /* Pixels of the largest picture. */
    int64_t largest;
} HeifClaims;

/*
 * False if decoding any picture of the file exceeds these limits. A file of another kind passes, as
 * does one that ends early within the limits: both are left to libheif. Limits: never reads outside
 * of `data`; time in proportion to the size of the `meta` box. Errors: ERROR_TOO_MANY_PIXELS,
 * ERROR_UNSUPPORTED_TYPE (too deep), ERROR_DAMAGED (references that readers might understand in two
 * ways), ERROR_OUT_OF_MEMORY.
 */
bool heif_tiles_check(const void *data, size_t size, int64_t max_pixels, HeifClaims *ret_claims,
                      GError **error);
