/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the type of a file by its first bytes: never by its name, and without a decoder.
 *
 * The file only claims to be of that type. Needs neither libvips nor memory of its own.
 */
#pragma once

#include "formats/file_format.h"

#include <stddef.h>

/* The bytes that recognize every type; a shorter file may have fewer. */
#define SNIFF_BYTES 256

/*
 * Returns the row of the file that begins with `data`; NULL for a file that is no picture. In the
 * container of HEIF and AVIF, the brand decides; the coding inside may differ. Static.
 */
const FileFormat *sniff(const void *data, size_t len);
