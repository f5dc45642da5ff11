/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes a picture's placeholder (ThumbHash) to pixels, and prints it with half blocks in a
 * terminal that shows 24-bit colour. Source: https://evanw.github.io/thumbhash/.
 */
#pragma once

#include "model/image.h"

#include <stddef.h>
#include <stdint.h>

/* Decodes `hash` into width x height pixels of 3 bytes: red, green, blue. Transparent parts get a
 * black background. Any bytes give a picture; missing bytes count as zero. */
void placeholder_decode(const uint8_t *hash, size_t len, int width, int height, uint8_t *ret_rgb);

/* Prints the placeholder to stdout, a few lines high. Prints nothing if the picture has none, or if
 * the terminal cannot show it. */
void placeholder_print(const ImageFacts *facts);
