/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses the directory of a TIFF file whose picture is shown, and describes how this picture is
 * stored. Takes any bytes; needs neither libtiff nor libvips.
 */
#pragma once

#include "formats/tiff_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most directories that are counted, and the most that are candidates with those below them. */
#define TIFF_PAGES_MAX      65535
#define TIFF_CANDIDATES_MAX 64

/* How a picture is stored; the defaults of TIFF stand for values that the file does not state. */
typedef struct {
    uint64_t width, height;
    uint64_t bits, samples, format, photometric, compression, planar;
    bool is_tiled, is_reduced;
    /* The file says what the samples mean. */
    bool has_photometric;
    /* Samples of different sizes. */
    bool is_mixed;
    /* Colours are multiplied by alpha. */
    bool is_associated;
} TiffLayout;

typedef struct {
    /* Place of the directory; 0: the file has none. */
    uint64_t at;
    /* The number of the page in the chain of pages, and among the directories below that page; -1:
     * itself. */
    int page, below;
    /* Directories in the chain. */
    int n_pages;
    TiffLayout layout;
} TiffChoice;

/*
 * Chooses the first picture of the file; if that is a reduced one, or not readable, the largest
 * full one among all pages and the directories below them (SubIFDs), or the largest readable one.
 * Some 100,000 entries are read at the most; directories behind them are no candidates.
 * Source: TIFF 6.0, section 8 (NewSubfileType); TIFF technical note 1 (SubIFDs).
 */
void tiff_choose(const Tiff *tiff, TiffChoice *ret_choice);

/* True if libvips reads pictures that are stored so. */
bool tiff_layout_is_common(const TiffLayout *layout);
