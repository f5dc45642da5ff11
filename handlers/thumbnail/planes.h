/*
 * Pictures as JPEG and WebP store them: luma and two colour planes, each half as wide and as high,
 * rounded up. From JPEG to JPEG or WebP such a picture never becomes red, green and blue: half as
 * many bytes are scaled, and nothing is converted.
 *
 * YCbCr of JFIF: BT.601, all 256 values. A colour sample lies in the middle of the four pixels it
 * is for. A picture with luma alone is grey.
 */
#pragma once

#include "picture.h"

#include <glib.h>
#include <stdbool.h>

/* True for what this header is about: one band, with or without colour planes. */
bool planes_are(const Picture *picture);

/* Columns or rows of a colour plane. */
int planes_chroma_size(int size);

/* Hands over the colour planes, which are as large as they must be. */
void planes_set_chroma(Picture *luma, Picture *blue, Picture *red);

/* True if there is no colour in it. */
bool planes_are_grey(const Picture *picture);

/*
 * Each of these does it to all planes, as the function of the same name does to one picture; a crop
 * begins at an even column and row. Errors, owner: as there.
 */
Picture *planes_crop(const Picture *picture, int left, int top, int width, int height,
                     GError **error);
Picture *planes_orient(const Picture *picture, int orientation, GError **error);
Picture *planes_resize(const Picture *picture, int width, int height, GError **error);

/* Averaged down to at most `width` x `height`, in red, green and blue. Errors, owner: as
 * picture_shrink. */
Picture *planes_shrink_to_rgb(const Picture *picture, int width, int height, GError **error);
