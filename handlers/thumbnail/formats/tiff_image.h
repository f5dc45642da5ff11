/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a picture of a TIFF file by libtiff, for pictures that libvips cannot read, or reads
 * wrongly: YCbCr without JPEG, samples of other sizes than 8 and 16 bits, tiles in separate planes,
 * JPEG of TIFF 6.0, and files of very many pages. Pixels are decoded a strip or a row of tiles at a
 * time. Starts no thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vips/vips.h>

/* True if libtiff can decode pictures of this compression. */
bool tiff_image_has_codec(uint64_t compression);

/*
 * Opens the picture of the directory at `at`, as it is stored, with its profile, XMP and
 * orientation. `data` must outlive the image. NULL: libvips has an error, for fault_set_error.
 * Owner: the caller.
 */
VipsImage *tiff_image_open(const void *data, size_t size, uint64_t at);
