/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the strips or tiles of a TIFF file. An entry of eight bytes names one, and any number of
 * entries may name the same one. libvips reads them one by one, and searches its cache of tiles,
 * which holds two rows of them, from one end to the other for each. So they are counted, by the
 * directory of the picture alone, before libtiff gets the file.
 */
#pragma once

#include "formats/tiff_file.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The most strips: one for each row of 65536, in four planes, takes a tenth of a second beside its
 * pixels.
 */
#define TIFF_STRIPS_MAX (1 << 18)

/*
 * The most tiles: of 64 x 64, the smallest that programs make, there are 61,036 at 250 megapixels.
 */
#define TIFF_TILES_MAX (1 << 16)

/*
 * The most steps through the cache: tiles by the tiles in a row. 65,536 tiles take 0.4 seconds with
 * 256 in a row, and minutes with all of them in one row.
 */
#define TIFF_TILE_STEPS_MAX (1 << 26)

/*
 * False if the picture in the directory at `at` (tiff_choose) has more than these limits. A file
 * without a directory there passes, and is left to libtiff. If an entry is there several times, the
 * most expensive one counts. Limits: never reads outside of the file; time in proportion to the
 * entries of one directory. Errors: ERROR_TOO_MANY_PIXELS.
 */
bool tiff_blocks_check(const Tiff *tiff, uint64_t at, GError **error);
