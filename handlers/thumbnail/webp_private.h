/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What still and animated WebP have in common. Private to webp*.c.
 */
#pragma once

#include "picture.h"

#include <glib.h>
#include <stdbool.h>
#include <webp/encode.h>

/* Lossy, with lossless alpha. False: libwebp is of another version. */
bool webp_configure(WebPConfig *config, int quality);

/* False without memory. */
bool webp_import(WebPPicture *target, const Picture *picture);

/* Sets what libwebp's code means. */
void webp_set_error(WebPEncodingError code, GError **error);
