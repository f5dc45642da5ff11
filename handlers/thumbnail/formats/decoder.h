/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a picture that is decoded: decode.h sets it up and ends it, the row of the file's
 * type (file_format.h) fills it in.
 */
#pragma once

#include "formats/heif_picture.h"
#include "formats/jpeg_scans.h"
#include "formats/metadata.h"
#include "formats/tiff_layout.h"
#include "source.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <vips/vips.h>

typedef struct {
    /* Width x height of one page. */
    int64_t max_pixels;
    /* Frames of an animation that are decoded. A file may have more. */
    int max_pages;
} DecodeLimits;

typedef struct FileFormat FileFormat;

typedef struct {
    const Source *source;
    /* Owned. The decoder reads these bytes instead of the source; NULL: the source. */
    GBytes *mended;
    const FileFormat *format;
    int64_t max_pixels;
    int max_pages;
    /* Size as stored. */
    int width, height;
    /* How the stored pixels are turned, 1..8. */
    int orientation;
    /* Set for JPEG only. */
    JpegScans scans;
    /* Set for TIFF only: the picture that is shown. */
    TiffChoice choice;
    /* Owned. Set for HEIC and AVIF only. */
    HeifPicture *heif;
    bool damaged;
    /* `image` is smaller than the picture in the file. */
    bool opened_small;
    /* Opened, pixels not read yet; NULL for JPEG. */
    VipsImage *image;
    bool accepts_planes, accepts_narrow;
    /* The metadata to keep: bits of Keep. */
    unsigned keep;
    /*
     * The kept metadata, once the picture was read. With `icc` the picture is not in sRGB but in
     * the space of that profile.
     */
    Metadata metadata;
} Decoder;
