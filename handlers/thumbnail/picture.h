/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A picture in memory: 8 bits a band, sRGB, rows without gaps. What the decoders end in, renditions
 * are cut from, and encoders take. Knows no file format and no libvips.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Picture Picture;

struct Picture {
    int width, height; /* pixels, at least 1 */
    int bands; /* 3: red, green, blue; 4: and alpha, not premultiplied; 1: grey. Decoders: 4 inks */
    uint8_t *pixels;
    /* With one band, or NULL: colours beside what is then the luma; see planes.h. Owned. */
    Picture *chroma[2];
    bool narrow; /* planes only: their values are WebP's, not JPEG's */
};

/* Not cleared. Errors: ERROR_OUT_OF_MEMORY. Owner: picture_free. */
Picture *picture_new(int width, int height, int bands, GError **error);
void picture_free(Picture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Picture, picture_free)

/* Bytes of one row. */
size_t picture_stride(const Picture *picture);

/* Makes the rows from `first` on what stands for missing ones: grey, or clear where there is alpha.
 */
void picture_clear_rows(Picture *picture, int first);

/* Which sides of a stored picture are mirrored by what stands it upright. */
void picture_mirrors(int orientation, bool *ret_across, bool *ret_down);

/* Turned and mirrored so that EXIF orientation `orientation` (1..8) stands upright. Errors, owner:
 * as new. */
Picture *picture_orient(const Picture *picture, int orientation, GError **error);

/* The part of `width` x `height` at (left, top), which lies within. Errors, owner: as new. */
Picture *picture_crop(const Picture *picture, int left, int top, int width, int height,
                      GError **error);

/* All of it averaged down to at most `width` x `height`, each side by itself. Errors, owner: as
 * new. */
Picture *picture_shrink(const Picture *picture, int width, int height, GError **error);

/* True if it has alpha and any pixel is not opaque. */
bool picture_is_transparent(const Picture *picture);

/* Without alpha, laid over `background` (0xRRGGBB). The picture has alpha. Errors, owner: as new.
 */
Picture *picture_flatten(const Picture *picture, uint32_t background, GError **error);

/* True if red, green and blue are the same in every pixel. */
bool picture_is_grey(const Picture *picture);

/*
 * The dominant colour: pixels are counted, each as much as it is opaque, in 16 x 16 x 16 equal
 * boxes of sRGB, and the mean of the fullest box is it. False if all of it is transparent.
 */
bool picture_dominant_color(const Picture *picture, uint32_t *ret_color);
