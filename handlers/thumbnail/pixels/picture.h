/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A picture in memory: 8 bits a band, sRGB, rows without gaps. Decoders make it, renditions are cut
 * from it, and encoders take it. Knows no file format and no libvips.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Picture Picture;

struct Picture {
    /* Pixels, at least 1. */
    int width, height;
    /* 3: red, green, blue; 4: and alpha, not premultiplied; 1: grey. From decoders also 4: inks. */
    int bands;
    uint8_t *pixels;
    /* Owned. With one band: the colour planes beside the luma, see planes.h. Otherwise NULL. */
    Picture *chroma[2];
    /* Planes only: their values are in the range of WebP, not of JPEG. */
    bool narrow;
};

/* Makes a picture whose pixels are not set. Errors: ERROR_OUT_OF_MEMORY. Owner: picture_free. */
Picture *picture_new(int width, int height, int bands, GError **error);
void picture_free(Picture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Picture, picture_free)

/* Returns the bytes of one row. */
size_t picture_stride(const Picture *picture);

/* Fills the rows from `first` on as missing ones: grey, or transparent if there is alpha. */
void picture_clear_rows(Picture *picture, int first);

/* Tells which sides of a stored picture are mirrored when it is turned upright. */
void picture_mirrors(int orientation, bool *ret_across, bool *ret_down);

/*
 * Returns a stored picture of EXIF orientation `orientation` (1..8) turned upright. Errors, owner:
 * as picture_new.
 */
Picture *picture_orient(const Picture *picture, int orientation, GError **error);

/*
 * Returns the part of `width` x `height` at (left, top), which must lie within. Errors, owner: as
 * picture_new.
 */
Picture *picture_crop(const Picture *picture, int left, int top, int width, int height,
                      GError **error);

/*
 * Returns the whole picture averaged down to at most `width` x `height`, each side by itself.
 * Errors, owner: as picture_new.
 */
Picture *picture_shrink(const Picture *picture, int width, int height, GError **error);

/* True if it has alpha and any pixel is not opaque. */
bool picture_is_transparent(const Picture *picture);

/*
 * Returns a picture with alpha laid over `background` (0xRRGGBB), without alpha. Errors, owner: as
 * picture_new.
 */
Picture *picture_flatten(const Picture *picture, uint32_t background, GError **error);

/* True if red, green and blue are the same in every pixel. */
bool picture_is_grey(const Picture *picture);

/*
 * Finds the dominant colour. Pixels are counted, in proportion to their alpha, in 16 x 16 x 16
 * equal boxes of sRGB; the colour is the mean of the fullest box. False if the whole picture is
 * transparent.
 */
bool picture_dominant_color(const Picture *picture, uint32_t *ret_color);
