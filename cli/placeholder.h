/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A picture's placeholder (ThumbHash) as pixels, and as a small picture of half blocks in a
 * terminal that shows 24-bit colour. Source: https://evanw.github.io/thumbhash/.
 */
#pragma once

#include "image.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes `hash` into width x height pixels, 3 bytes each: red, green, blue, on a black ground
 * where it is transparent. Any bytes give a picture; those that are missing count as zero.
 */
void placeholder_decode(const uint8_t *hash, size_t len, int width, int height, uint8_t *ret_rgb);

/* Prints it to stdout, a few lines high; nothing if there is none, or the terminal cannot show it.
 */
void placeholder_print(const ImageFacts *facts);
