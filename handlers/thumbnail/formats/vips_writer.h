/* SPDX-License-Identifier: Apache-2.0 */
/* Writes files by a saver of libvips: shared by the encode functions of such formats. */
#pragma once

#include "pixels/picture.h"

#include <glib.h>
#include <stdbool.h>
#include <vips/vips.h>

/* An option of every saver: without it, libvips adds EXIF of its own. */
#if VIPS_MAJOR_VERSION > 8 || VIPS_MINOR_VERSION >= 15
#define WITHOUT_METADATA "keep", VIPS_FOREIGN_KEEP_NONE
#else
#define WITHOUT_METADATA "strip", TRUE
#endif

/* Calls the saver with its own options. *data is freed with g_free. */
typedef int VipsSave(VipsImage *image, int quality, void **data, size_t *size);

/* True if this machine's libvips has the operation `saver`. */
bool vips_writer_has(const char *saver);

/*
 * Returns the bytes that `save` makes of `picture`. Errors: ERROR_OUT_OF_MEMORY, ERROR_INTERNAL.
 * Owner: the caller.
 */
GBytes *vips_writer_encode(VipsSave *save, const Picture *picture, int quality, GError **error);
