/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes ICC profiles for colours that a file states otherwise: by code points (cICP in PNG, nclx in
 * HEIC and AVIF), or by a gamma and primaries (gAMA and cHRM in PNG). PQ and HLG are mapped to the
 * range of a plain screen by the curve of the profile. Needs no libvips.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Code points. Source: ITU-T H.273, tables 2 and 3. */
enum {
    PRIMARIES_BT709 = 1,
    PRIMARIES_UNKNOWN = 2,
    TRANSFER_BT709 = 1,
    TRANSFER_UNKNOWN = 2,
    TRANSFER_LINEAR = 8,
    TRANSFER_SRGB = 13,
    TRANSFER_PQ = 16,
    TRANSFER_HLG = 18,
};

/*
 * The white of a plain screen in PQ, and the brightest light that is mapped to it, cd/m2. Source:
 * ITU-R BT.2408 and BT.2390.
 */
#define PROFILE_WHITE_NITS 203.0
#define PROFILE_PEAK_NITS  1000.0

typedef struct {
    /* Code points. */
    int primaries, transfer;
    /* Not 0: stored values are light to the power of this, instead of `transfer`. */
    double gamma;
    /* x and y of white, red, green and blue, instead of `primaries`. */
    bool has_places;
    double places[8];
} ColorTags;

/* True if the code points are defined, and say something. Source: ITU-T H.273, tables 2 and 3. */
bool color_tags_are_known(const ColorTags *tags);

/* True if the colours are sRGB, or close to it, or unknown: no profile is needed. */
bool color_tags_are_plain(const ColorTags *tags);

/*
 * Returns the linear light of a stored value 0..1; white is 1. PQ and HLG: by the curves of ITU-R
 * BT.2100, then mapped to 0..1 by that of BT.2390.
 */
double color_light(const ColorTags *tags, double value);

/*
 * Returns a profile of red, green and blue, or of grey. NULL: the primaries are unknown, or make no
 * colour space. Owner: the caller.
 */
GBytes *color_profile(const ColorTags *tags, bool is_grey);
