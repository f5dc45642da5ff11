/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a picture to the bytes of a thumbnail.
 */
#pragma once

#include "image.h"
#include "picture.h"

#include <glib.h>

/* True if this machine's libraries have code to write `type`. */
bool encode_can_write(ImageType type);

/* True if they do write it: tries, as the code may lack the encoder it calls. */
bool encode_proves(ImageType type);

/* True if it takes planes (see planes.h) at no loss against red, green and blue. */
bool encode_takes_planes(ImageType type, int quality);

/* True if the values of planes are best narrow. */
bool encode_takes_narrow(ImageType type);

/*
 * Encodes `picture`, which has no alpha if `type` is IMAGE_JPEG, and planes only if
 * that takes them, without any metadata.
 * `quality` 1..100 means nothing to PNG. Errors: ERROR_UNSUPPORTED_TYPE, ERROR_OUT_OF_MEMORY,
 * ERROR_INTERNAL. Owner: the caller.
 */
GBytes *encode_picture(const Picture *picture, ImageType type, int quality, GError **error);
