/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What jpeg.c, jpeg_planes.c and jpeg_write.c share: how libjpeg's errors come back, and a reader.
 *
 * libjpeg ends a failed call by error_exit, from which nothing returns: each use sets
 * errors.escape first, and keeps what must be freed outside of the frame that is left.
 */
#pragma once

#include <glib.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

/* What libjpeg's callbacks tell; `base` first, so that cinfo->err leads back here. */
typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf escape;
    bool damaged; /* some data was bad or missing */
    bool nothing; /* the data ended before a single row was complete */
} JpegErrors;

typedef struct {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_progress_mgr progress;
    JpegErrors errors;
} JpegReader;

void jpeg_errors_init(JpegErrors *errors);

/* After an escape: the GError of what libjpeg said. */
void jpeg_errors_take(j_common_ptr cinfo, GError **error);

/* Reads the header, with its profile and EXIF. Call with the escape set. */
void jpeg_reader_start(JpegReader *reader, const void *data, size_t size);

/* The smallest scale that leaves twice `width` x `height` pixels. Call with the escape set. */
void jpeg_reader_set_scale(struct jpeg_decompress_struct *cinfo, int width, int height);
