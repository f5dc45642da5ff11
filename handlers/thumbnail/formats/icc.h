/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognizes the colour profile of sRGB. A picture with that profile needs no colour transform,
 * whose setup takes longer than scaling the picture.
 *
 * Takes any bytes. Source: ICC.1:2010 (profile version 4.3), sections 7.2, 10.5, 10.15, 10.27.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * True if the profile is a matrix of the sRGB primaries with the sRGB curve, with no error that is
 * visible in 8 bits. False for all others, also for profiles with tables and for bytes that are no
 * profile.
 */
bool icc_is_srgb(const void *data, size_t size);

/* True if the profile states an RGB space. */
bool icc_is_rgb(const void *data, size_t size);

/* True if the profile states a grey space. */
bool icc_is_grey(const void *data, size_t size);
