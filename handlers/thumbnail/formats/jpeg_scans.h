/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the work of decoding a JPEG file of many scans. A scan of a few bytes can state of
 * millions of blocks that they do not change, and libjpeg visits each of them. So the scans are
 * counted, by their markers alone, before a pixel is decoded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jpeg_decompress_struct;

/* The most scans of a file; no encoder makes as many. */
#define JPEG_SCANS_MAX 100

typedef struct {
    int n;
    /* Of all scans together: a scan has those of its components. */
    int64_t samples;
} JpegScans;

/*
 * Counts from the first scan on. Call it when jpeg_read_header has returned, with a source in
 * memory. A file of one scan is not searched. Limits: stops at the end of the file or at a marker
 * that libjpeg does not pass.
 */
void jpeg_scans_count(const struct jpeg_decompress_struct *cinfo, JpegScans *ret_scans);

/* Parts of a file, in order. A file that is within the limit of scans has fewer. */
#define JPEG_PARTS_MAX 128

typedef struct {
    const uint8_t *data;
    size_t size;
} JpegPart;

typedef struct {
    JpegPart items[JPEG_PARTS_MAX];
    int n;
} JpegParts;

/*
 * Lists the parts of a progressive file that a reduced scale needs, from the first scan on. A
 * component that is decoded to one sample a block needs its scans of DC: its pixels are the same.
 * At 1/4, a component of 2 x 2 samples a block also needs those of AC that begin at coefficient 5
 * or before, without refinements: the difference cannot be seen. Others need all scans. With
 * `same_scale`, all components are going to be decoded at the scale of the first. Call it as
 * jpeg_scans_count, once the scale is set.
 *
 * False if no scan can be left out, or if the file is odd: it does not end by its marker, a header
 * is wrong, or the scans do not have all bits. Damage within a scan that is left out, or in a
 * table for one, is not seen.
 */
bool jpeg_scans_select(const struct jpeg_decompress_struct *cinfo, bool same_scale,
                       JpegParts *ret_parts);

/* Up to 14 bits, of which the first scan has one or more. */
#define JPEG_DC_SCANS_MAX 14

/*
 * The scans of DC, if each has all components in the order of the first, and the interval of
 * restarts stays the same; otherwise n is 0. The first is the one whose header libjpeg has read.
 */
typedef struct {
    int n;
    struct {
        /* The coded data of the scan; they end at a marker. */
        const uint8_t *data;
        /* The bits that it leaves out. */
        int low;
    } items[JPEG_DC_SCANS_MAX];
    /* The end of the file. */
    const uint8_t *end;
    /* No scan but these is needed. */
    bool only_dc;
} JpegDcScans;

/* Lists the scans of DC of a file of which jpeg_scans_select leaves out scans; as that one. */
bool jpeg_scans_select_dc(const struct jpeg_decompress_struct *cinfo, bool same_scale,
                          JpegParts *ret_parts, JpegDcScans *ret_scans);

/*
 * The most segments that are kept of APP1 and APP2 (EXIF, XMP, profile). A profile has at most 255,
 * and XMP of 16 MB as many. For each segment that it keeps, libjpeg goes through all kept before.
 */
#define JPEG_KEPT_SEGMENTS_MAX 1024

/*
 * True if more than JPEG_KEPT_SEGMENTS_MAX of APP1 and APP2 together stand before the first scan.
 */
bool jpeg_has_many_segments(const void *data, size_t size);
