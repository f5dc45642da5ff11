/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a colour profile sRGB? Then the pixels are what they shall be, and setting up a colour
 * transform, which takes longer than scaling the picture, is spared.
 *
 * Takes any bytes. Source: ICC.1:2010 (profile version 4.3), sections 7.2, 10.5, 10.15, 10.27.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the profile is a matrix of the sRGB primaries with the sRGB curve, within what rounding
 * in 8 bits hides. False for all else, also for profiles with tables and for what cannot be read.
 */
bool icc_is_srgb(const void *data, size_t size);

/* True if the profile says that it is of an RGB space. */
bool icc_is_rgb(const void *data, size_t size);
