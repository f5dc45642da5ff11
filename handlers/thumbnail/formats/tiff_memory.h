/* SPDX-License-Identifier: Apache-2.0 */
/* Has libtiff read a file that lies in memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <tiffio.h>

typedef struct {
    const uint8_t *data;
    size_t size;
    /* The place of the next byte that libtiff reads. */
    uint64_t at;
} TiffMemory;

/*
 * Opens the file, and reads no directory yet. The memory must outlive the result. NULL: it is no
 * TIFF. Owner: the caller, by TIFFClose.
 */
TIFF *tiff_memory_open(TiffMemory *memory);

/*
 * Has libtiff read JPEG of TIFF 6.0 from its strip, if the strip begins as JPEG and the place that
 * the file states beside (JPEGInterchangeFormat) does not.
 */
void tiff_memory_place_old_jpeg(const TiffMemory *memory, TIFF *tiff);
