/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source of libjpeg that reads parts of a file in memory, one after the other, as if there were
 * nothing between them. It copies nothing.
 */
#pragma once

#include "formats/jpeg_scans.h"

#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

typedef struct {
    struct jpeg_source_mgr base;
    JpegParts parts;
    /* The part that is read next. */
    int next;
} JpegSource;

/*
 * Has libjpeg read `parts` from here on. The source must outlive the decompression. Behind the last
 * part libjpeg gets an end marker and a warning, as from jpeg_mem_src.
 */
void jpeg_source_set(JpegSource *source, const JpegParts *parts,
                     struct jpeg_decompress_struct *cinfo);
