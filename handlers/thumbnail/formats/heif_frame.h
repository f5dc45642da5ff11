/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes one coded picture of HEVC (libde265) or AV1 (dav1d), on the calling thread. The pixels
 * stay where the decoder has put them: no copy is made.
 */
#pragma once

#include "formats/heif_picture.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    /* Of the luma. */
    int width, height;
    /* Of a sample; more than 8 bits are in numbers of 16. */
    int bits;
    /* A colour sample stands for 1 << shift pixels. */
    int shift_x, shift_y;
    /* Luma, blue and red difference, and the bytes from row to row; NULL: grey. */
    const uint8_t *planes[3];
    ptrdiff_t strides[3];
    /* The decoder that holds the planes. */
    void *owner;
    void (*release)(void *owner);
} HeifFrame;

/*
 * Decodes a picture of which the file says that it has `pixels` pixels. False: libvips has an
 * error. Owner: heif_frame_clear.
 */
bool heif_frame_decode(HeifCoding coding, const HeifCoded *coded, int64_t pixels,
                       HeifFrame *ret_frame);

/*
 * Returns the bytes of the copy that the decoder takes beside a picture of `pixels` pixels while it
 * decodes it.
 */
uint64_t heif_frame_copy_bytes(HeifCoding coding, int64_t pixels, int bits);

void heif_frame_clear(HeifFrame *frame);
