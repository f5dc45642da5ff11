/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures as JPEG and WebP store them: luma and two colour planes, each half as wide and as high,
 * rounded up. From JPEG to JPEG or WebP such a picture never becomes red, green and blue: half as
 * many bytes are scaled, and nothing is converted.
 *
 * YCbCr by BT.601. Values are JPEG's, all 256, or WebP's, which are narrow: 16 to 235 for luma, 16
 * to 240 for colours. From one to the other costs half a bit of precision unless it is done while
 * scaling. A colour sample lies in the middle of the four pixels it is for. A picture with luma
 * alone is grey.
 */
#pragma once

#include "picture.h"
#include "scale.h"

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

/* What makes values of `from` those of `to`; `plane` 0 is luma. */
ScaleLevels planes_levels(bool from_narrow, bool to_narrow, int plane);

/* Each plane with other values. Errors: ERROR_OUT_OF_MEMORY. Owner: the caller. */
Picture *planes_convert(const Picture *picture, bool narrow, GError **error);

/* Scaled as resize_picture does. Errors, owner: as there. */
Picture *planes_resize(const Picture *picture, int width, int height, bool narrow, GError **error);

/*
 * Each of these does it to all planes, as the function of the same name does to one picture; a crop
 * begins at an even column and row. Errors, owner: as there.
 */
Picture *planes_crop(const Picture *picture, int left, int top, int width, int height,
                     GError **error);
Picture *planes_orient(const Picture *picture, int orientation, GError **error);

/* Averaged down to at most `width` x `height`, in red, green and blue. Errors, owner: as
 * picture_shrink. */
Picture *planes_shrink_to_rgb(const Picture *picture, int width, int height, GError **error);
