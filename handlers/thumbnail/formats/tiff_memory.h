/* SPDX-License-Identifier: Apache-2.0 */
/* Has libtiff read a file that lies in memory. */
#pragma once

#include <stdbool.h>
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

/* True if the file has these bytes at this place. */
bool tiff_memory_begins(const TiffMemory *memory, uint64_t at, const uint8_t *bytes, size_t n);
