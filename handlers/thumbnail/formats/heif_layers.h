/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layers of the picture that a HEIC or AVIF file shows, and the coded pictures of each: read by
 * heif_picture.h, from items (heif_meta.h) or from a track (heif_track.h).
 */
#pragma once

#include "formats/boxes.h"
#include "formats/coded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    HEIF_OTHER,
    HEIF_HEVC,
    HEIF_AV1,
} HeifCoding;

/* A copy of bytes that lie in several places of the file. */
typedef struct {
    /* Owned. */
    uint8_t *at;
    size_t size;
} HeifBlock;

typedef struct {
    /* Owned. */
    HeifBlock *blocks;
    size_t n_blocks;
    /* Of all blocks. */
    size_t size;
} HeifJoined;

/* A coded picture. The bytes are those of the file, or joined. */
typedef struct {
    /* The body of `hvcC` or `av1C`. */
    Bytes config;
    Bytes data;
} HeifCoded;

/* A picture of equal tiles, or of one: its colours, or its alpha. */
typedef struct {
    HeifCoding coding;
    /* Of the whole picture. */
    int width, height;
    int columns, rows;
    int tile_width, tile_height;
    /* The colours that the first tile states; a grid need not repeat them. */
    bool has_colors;
    CodedColors colors;
    /* Owned; row by row. NULL: there is no such layer. */
    HeifCoded *tiles;
    /* The type of a coded picture that neither libheif nor this program reads; 0: none. */
    uint32_t unread_type;
} HeifLayer;

#define HEIF_REASON_MAX 64

typedef struct HeifPicture HeifPicture;

struct HeifPicture {
    /*
     * The picture can be decoded by its layers. False: it is built in another way, or the file is
     * damaged; libheif decides.
     */
    bool is_plain;
    /* The picture is the first one of an image sequence. */
    bool is_track;
    /* Not empty: the file has only pictures or image sequences that are not read, as it says. */
    char unread[HEIF_REASON_MAX];
    /*
     * The picture is another one, turned or cut (`iden`), or is made of such pictures; libheif
     * refuses it.
     */
    bool has_identity;
    /* Bytes or pictures of which the picture is made are missing in the file. */
    bool is_incomplete;
    /* The picture's size stands behind a turn or a cut: libheif takes it for the shown size. */
    bool has_late_size;
    HeifLayer color, alpha;
    /* The part that is shown, of the layers. */
    int left, top, width, height;
    /* That part is turned: the orientation of EXIF that means the same. */
    int orientation;
    /* The file says how the picture is turned, if only by 0 degrees. */
    bool is_turned;
    /* The code points of the picture's colours: `nclx`, or else those in the coded picture. */
    bool has_colors;
    CodedColors colors;
    /* The picture's ICC profile, and its EXIF behind the place of its header. Empty: none. */
    Bytes profile, exif;
    /*
     * Owned. The largest of the smaller pictures that show the same, as the file says (`thmb`): a
     * plain one without alpha, of the same aspect, turned in the same way. Its own member is the
     * next smaller one. NULL: there is none.
     */
    HeifPicture *small;
    /* The bytes of the coded pictures that do not lie in one place of the file. */
    HeifJoined joined;
};
