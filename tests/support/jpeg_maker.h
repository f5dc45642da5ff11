/* SPDX-License-Identifier: Apache-2.0 */
/* Makes JPEG files of all kinds at random, by libjpeg's encoder: pictures, sizes, samplings,
 * restart intervals and Huffman codes. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
    /* The largest width and height. */
    int side_max;
    bool progressive;
} JpegMaker;

/* Returns a file that has no fault. Owner: the caller. */
GBytes *jpeg_make(GRand *rand, const JpegMaker *maker);
