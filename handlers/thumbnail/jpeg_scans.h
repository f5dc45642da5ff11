/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much there is to decode in a JPEG file of many scans. A scan of a few bytes can say of
 * millions of blocks that they do not change, and libjpeg visits each of them: so the scans are
 * counted, by their markers alone, before a pixel is decoded.
 */
#pragma once

#include <stdint.h>

struct jpeg_decompress_struct;

/* More than any encoder makes. */
#define JPEG_SCANS_MAX 100

typedef struct {
    int n;
    int64_t samples; /* of all scans together: a scan has those of its components */
} JpegScans;

/*
 * Counts from the first scan on; call when jpeg_read_header has returned, with a source in memory.
 * A file of one scan is not searched. Limits: stops at the end of the file or at a marker that
 * libjpeg does not go past.
 */
void jpeg_scans_count(const struct jpeg_decompress_struct *cinfo, JpegScans *ret_scans);
