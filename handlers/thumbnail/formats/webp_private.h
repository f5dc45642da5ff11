/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by still and animated WebP. Private to webp*.c. */
#pragma once

#include "pixels/picture.h"

#include <glib.h>
#include <stdbool.h>
#include <webp/encode.h>

/* Configures lossy encoding with lossless alpha. False: libwebp is of another version. */
bool webp_configure(WebPConfig *config, int quality);

/* Copies `picture` into `target`. False if memory is short. */
bool webp_import(WebPPicture *target, const Picture *picture);

/* Sets the error that libwebp's code means. */
void webp_set_error(WebPEncodingError code, GError **error);
