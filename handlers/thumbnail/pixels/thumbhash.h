/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ThumbHash: a picture's blurred placeholder in at most 25 bytes.
 *
 * Source: https://evanw.github.io/thumbhash/. The same pixels give the same bytes as the reference
 * (rgbaToThumbHash), except for terms that are zero. There the reference stores rounding noise that
 * no decoder shows; this module stores zeros if a whole channel is flat.
 */
#pragma once

#include "model/image.h"

#include <stddef.h>
#include <stdint.h>

/* Pixels. */
#define THUMBHASH_SIDE_MAX 100

/*
 * Computes the hash of a picture of 1..THUMBHASH_SIDE_MAX pixels a side, 4 bytes a pixel: red,
 * green, blue, alpha (not premultiplied). Returns its length.
 */
size_t thumbhash_encode(const uint8_t *rgba, int width, int height,
                        uint8_t ret_hash[static THUMBHASH_MAX]);
