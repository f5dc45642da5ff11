/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the shown picture of a HEIC or AVIF file by the decoders themselves: tiles one row at a
 * time, and pixels converted to red, green and blue only as they are pulled. Starts no thread.
 */
#pragma once

#include "formats/heif_picture.h"

#include <vips/vips.h>

/*
 * True if the picture can be read so: a plain one, of samples and colours that are known. Otherwise
 * libheif reads it.
 */
bool heif_image_can_read(const HeifPicture *picture);

/*
 * Returns about how many bytes the decoder takes at once, of a picture that heif_image_can_read.
 */
uint64_t heif_image_bytes(const HeifPicture *picture);

/*
 * Makes an image of the part of the picture that is shown, not turned yet. `picture`, and its file,
 * must outlive the image. NULL: libvips has an error. Owner: the caller.
 */
VipsImage *heif_image_open(const HeifPicture *picture);
