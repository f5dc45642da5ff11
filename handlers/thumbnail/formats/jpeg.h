/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes JPEG in memory, by libjpeg-turbo directly: nine uploads of ten are JPEG, and a
 * libvips pipeline costs almost as much again as the decoding.
 *
 * Takes any bytes. Starts no thread. A file counts as damaged if its data ends early or has bad
 * codes; harmless oddities (padding, unknown versions) do not count.
 */
#pragma once

#include "formats/exif.h"
#include "formats/jpeg_scans.h"
#include "formats/metadata.h"
#include "pixels/picture.h"
#include "pixels/resize.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    /* Size as stored. */
    int width, height;
    JpegScans scans;
    ExifFacts exif;
} JpegHeader;

typedef struct {
    /* 1 band: grey; 3: RGB; 4: CMYK, 0 is no ink. Colours as in the file. */
    Picture *picture;
    /* The profile, or NULL. */
    GBytes *icc;
    /* The exact size of the picture: decoded at a scale, its sides are rounded up. */
    ResizeExtent extent;
    bool damaged;
} JpegImage;

/*
 * Reads up to the first scan, and counts the others. Errors: ERROR_DAMAGED, ERROR_UNSUPPORTED_TYPE
 * (a coding that libjpeg lacks), ERROR_OUT_OF_MEMORY.
 */
bool jpeg_header(const void *data, size_t size, JpegHeader *ret_header, GError **error);

/* Adds the EXIF and XMP blocks to `metadata`. Blocks that cannot be read count as missing. */
void jpeg_add_metadata(const void *data, size_t size, Metadata *metadata);

/*
 * Decodes at 1/1, 1/2, 1/4 or 1/8: the smallest that is still 1.9 times `width` x `height`, so that
 * the final filter has enough pixels. The usual phone photographs, of 4032 or 4000 pixels, are 1.97
 * and 1.95 times as wide as 256, 512 and 1024 pixels at one of these scales. `has_fault`: as
 * jpeg_decode_planes found, so that libjpeg decodes alone. Errors: as jpeg_header; ERROR_DAMAGED if
 * no row decodes. Owner: jpeg_image_clear.
 */
bool jpeg_decode(const void *data, size_t size, int width, int height, bool has_fault,
                 JpegImage *ret_image, GError **error);
void jpeg_image_clear(JpegImage *image);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(JpegImage, jpeg_image_clear)

/* The size and kind of the planes to make of the stored pixels. */
typedef struct {
    int width, height;
    /* The picture is mirrored later, when it is turned upright. */
    bool mirrored_across, mirrored_down;
    /* Values in the range that WebP has. */
    bool narrow;
} JpegTarget;

/*
 * Decodes to planes (see planes.h) of exactly that size: grey, or YCbCr in sRGB, equal to
 * jpeg_decode and scaling, also of a damaged file. NULL for all other files, and if libjpeg ends
 * with an error: jpeg_decode reports the error then. *ret_has_fault: with a picture, it is damaged;
 * without, the file has a fault. Owner: the caller.
 */
Picture *jpeg_decode_planes(const void *data, size_t size, const JpegTarget *target,
                            bool *ret_has_fault);

/* False if thumbnails of this quality have colours in full resolution, which planes lack. */
bool jpeg_accepts_planes(int quality);

/*
 * Encodes three bands, or planes if it takes them, as baseline, without metadata: grey for grey
 * pictures, otherwise 4:2:0, from quality 90 on 4:4:4. Errors: ERROR_OUT_OF_MEMORY. Owner: the
 * caller.
 */
GBytes *jpeg_encode(const Picture *picture, int quality, GError **error);
