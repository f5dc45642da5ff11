/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures as JPEG and WebP store them: luma and two colour planes, each half as wide and as high,
 * rounded up. From JPEG to JPEG or WebP such a picture never becomes red, green and blue: half as
 * many bytes are scaled, and nothing is converted.
 *
 * YCbCr by BT.601. Values are those of JPEG, all 256, or those of WebP, which are narrow: 16 to 235
 * for luma, 16 to 240 for colours. Conversion between them costs half a bit of precision unless it
 * is done while scaling. A colour sample lies in the middle of its four pixels. A picture with luma
 * alone is grey.
 */
#pragma once

#include "pixels/picture.h"
#include "pixels/scale.h"

#include <glib.h>
#include <stdbool.h>

/* True for a picture of planes: one band, with or without colour planes. */
bool planes_are(const Picture *picture);

/* Returns the columns or rows of a colour plane. */
int planes_chroma_size(int size);

/* Hands the colour planes over to `luma`. They must have the size of colour planes. */
void planes_set_chroma(Picture *luma, Picture *blue, Picture *red);

/* True if the picture has no colour. */
bool planes_are_grey(const Picture *picture);

/*
 * Returns the conversion of values between the narrow range of video, in which luma goes from 16 to
 * 235, and the whole range of a byte. `plane` 0 is luma.
 */
ScaleLevels planes_levels(bool from_narrow, bool to_narrow, int plane);

/*
 * Converts each plane to the other range of values. Errors: ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
Picture *planes_convert(const Picture *picture, bool narrow, GError **error);

/* Scales all planes as resize_picture does. Errors, owner: as resize_picture. */
Picture *planes_resize(const Picture *picture, int width, int height, bool narrow, GError **error);

/*
 * Crops or turns all planes, as picture_crop and picture_orient do one picture; a crop begins at an
 * even column and row. Errors, owner: as there.
 */
Picture *planes_crop(const Picture *picture, int left, int top, int width, int height,
                     GError **error);
Picture *planes_orient(const Picture *picture, int orientation, GError **error);

/*
 * Returns the picture averaged down to at most `width` x `height`, in red, green and blue. Errors,
 * owner: as picture_shrink.
 */
Picture *planes_shrink_to_rgb(const Picture *picture, int width, int height, GError **error);
