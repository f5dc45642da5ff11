/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG in and out of memory, by libjpeg-turbo directly: nine uploads of ten are JPEG, and the way
 * through a libvips pipeline costs almost as much again as the decoding.
 *
 * Takes any bytes. Starts no thread. What is called damaged: data that ends early or has bad codes;
 * harmless oddities (padding, unknown versions) are not.
 */
#pragma once

#include "exif.h"
#include "jpeg_scans.h"
#include "metadata.h"
#include "picture.h"
#include "resize.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int width, height; /* as stored */
    JpegScans scans;
    ExifFacts exif;
} JpegHeader;

typedef struct {
    Picture *picture;    /* 1 band: grey; 3: RGB; 4: CMYK, 0 is no ink. Colours as in the file */
    GBytes *icc;         /* its profile, or NULL */
    ResizeExtent extent; /* of the picture: at a scale, its sides are rounded up */
    bool damaged;
} JpegImage;

/*
 * Reads up to the first scan, and counts the others. Errors: ERROR_DAMAGED, ERROR_UNSUPPORTED_TYPE
 * (a coding libjpeg lacks), ERROR_OUT_OF_MEMORY.
 */
bool jpeg_header(const void *data, size_t size, JpegHeader *ret_header, GError **error);

/* Adds the EXIF and XMP blocks to `metadata`; those that cannot be read are not there. */
void jpeg_take_metadata(const void *data, size_t size, Metadata *metadata);

/*
 * Decodes at 1/1, 1/2, 1/4 or 1/8: the smallest that is still twice `width` x `height`, so that the
 * final filter has something to work on. Errors: as jpeg_header; ERROR_DAMAGED if no row of it
 * decodes. Owner: jpeg_image_clear.
 */
bool jpeg_decode(const void *data, size_t size, int width, int height, JpegImage *ret_image,
                 GError **error);
void jpeg_image_clear(JpegImage *image);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(JpegImage, jpeg_image_clear)

/* What is to become of a picture's pixels as they are stored. */
typedef struct {
    int width, height;
    bool mirrored_across, mirrored_down; /* later, when it is turned upright */
    bool narrow;                         /* values as WebP has them */
} JpegTarget;

/*
 * Decodes to planes (see planes.h) of exactly that size: grey, or YCbCr in sRGB, as decoded by
 * jpeg_decode and then scaled. NULL for all else, and whatever is wrong with the file:
 * jpeg_decode says what. Owner: the caller.
 */
Picture *jpeg_decode_planes(const void *data, size_t size, const JpegTarget *target);

/* False where thumbnails of this quality have colours in full resolution, which planes have not. */
bool jpeg_takes_planes(int quality);

/*
 * Encodes three bands, or planes if it takes them, as baseline, without metadata: grey where the
 * picture is, else 4:2:0, from quality 90 on 4:4:4. Errors: ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
GBytes *jpeg_encode(const Picture *picture, int quality, GError **error);
