/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes JPEG files by libjpeg-turbo, with the hook of jpeg/jpeg_hook.h and without, for tests
 * that compare the two. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    /* The hook was set. */
    bool hooked;
    /* Scans were left out. */
    bool left_out;
    /* libjpeg took the file for a baseline one. */
    bool flattened;
    /* libjpeg returned from all calls. */
    bool complete;
    /* libjpeg warned that data are missing or bad. */
    bool damaged;
    /* Of all rows, a call after the other; as many bytes as were decoded. */
    GByteArray *pixels;
} JpegDecoded;

typedef struct {
    /* 1, 2, 4 or 8. */
    unsigned denominator;
    /* Planes as they are stored, otherwise rows of pixels. */
    bool planes;
    bool hooks;
    /* Scans of progressive files that the scale does not need are left out. */
    bool leaves_out;
    /* If DC alone is left, libjpeg gets its values from the hook. */
    bool flattens;
} JpegWay;

/* Larger pictures are not decoded, and count as not complete. */
#define JPEG_COMPARE_PIXELS_MAX (4 << 20)

void jpeg_decode_way(const uint8_t *data, size_t size, JpegWay way, JpegDecoded *ret_decoded);
void jpeg_decoded_clear(JpegDecoded *decoded);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(JpegDecoded, jpeg_decoded_clear)

/*
 * Decodes a file both ways, and ends the program unless the hook refuses the file or gives the same
 * pixels of a file without damage. Returns true if the hook was set and did not refuse.
 */
bool jpeg_compare(const uint8_t *data, size_t size, unsigned denominator, bool planes);

/*
 * Decodes a file with the scans that the scale needs, also with DC from the hook, and with all.
 * Ends the program if the ways are without fault, but the pixels differ; at 1/4 there is a
 * difference to all scans. Returns true if scans were left out, and both are without fault.
 * *ret_flattened: the hook has given DC, without fault.
 */
bool jpeg_compare_scans(const uint8_t *data, size_t size, unsigned denominator, bool planes,
                        bool *ret_flattened);
