/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by jpeg.c, jpeg_planes.c and jpeg_write.c: how libjpeg's errors are returned, and a
 * reader.
 *
 * libjpeg ends a failed call by error_exit, which must not return: each use sets errors.escape
 * first, and keeps all that has to be freed outside of the frame that the escape leaves.
 */
#pragma once

#include "formats/jpeg_scans.h"
#include "formats/jpeg_source.h"

#include <glib.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

/* The state of libjpeg's callbacks. `base` comes first, so that cinfo->err points here. */
typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
    /* Some data was bad or missing. */
    bool damaged;
    /* The data ended before a single row was complete. */
    bool nothing;
    /* Damage ends the call by an escape, as nothing of this decoding will be used. */
    bool escapes;
} JpegErrors;

typedef struct {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_progress_mgr progress;
    JpegErrors errors;
    JpegSource source;
    /* Once scans are left out. */
    JpegDcScans dc;
    /*
     * The picture is decoded by the hook (jpeg_hook.h), or scans are left out: a fault that turns
     * up is judged by libjpeg, from the whole file. Set by jpeg_reader_shorten.
     */
    bool is_short;
} JpegReader;

/* Notes that the reader is short: from here on, the first damage ends it by an escape. */
void jpeg_reader_shorten(JpegReader *reader);

/* Sets the callbacks. The caller sets cinfo->err to `&errors->base`, and `errors->escape`. */
void jpeg_errors_init(JpegErrors *errors);

/* After an escape: sets the error from libjpeg's message. */
void jpeg_errors_set(j_common_ptr cinfo, GError **error);

/* Reads the header, with its profile and EXIF. Call it with the escape set. */
void jpeg_reader_start(JpegReader *reader, const void *data, size_t size);

/*
 * Sets the smallest scale that leaves 1.9 times `width` x `height` pixels. Call it with the escape
 * set.
 */
void jpeg_reader_set_scale(struct jpeg_decompress_struct *cinfo, int width, int height);

/*
 * Returns how soft pixels are that libjpeg has decoded at 1 / `denominator` (ScaleAxis.softness).
 * At 1/8 they are means of 8 x 8 pixels. At 1/4 and 1/2 they are made of the lowest frequencies of
 * each block; there the value was chosen by measurement.
 */
double jpeg_softness(unsigned denominator);

/*
 * Keeps colour planes at the scale of the luma. At a scale, libjpeg decodes colours to the size of
 * the luma, so that they need no upsampling. Here they are going to be half as large, and twice
 * that is enough for the filter. libjpeg has no setting for it; TurboJPEG decodes to planes in this
 * way, too. Without jpegint.h the filter has more to do. Call it once decompression has started.
 */
void jpeg_limit_colors(struct jpeg_decompress_struct *cinfo);

/*
 * Has libjpeg read only those scans of a progressive file that the scale needs. `same_scale`: see
 * jpeg_scans_select. Call it behind jpeg_reader_set_scale, with the escape set.
 */
void jpeg_reader_leave_out_scans(JpegReader *reader, bool same_scale);
