/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the bytes of a TIFF file that libtiff and libvips read beside its pixels. Any number of
 * entries may name the same bytes, and these are read for each: values for each directory that
 * names them, the bytes of a tile for each place that shows it, the tables of JPEG for each tile.
 */
#pragma once

#include "formats/tiff_file.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The most bytes that are read more than once, all in all. Programs let equal tiles share some
 * bytes.
 */
#define TIFF_SHARED_BYTES_MAX (64 << 20)

/*
 * The most entries of all directories: TIFF_ENTRIES_MAX, and TIFF_ENTRIES_EACH_MAX for each
 * directory. libtiff keeps a sorted list of unknown tags, and takes 0.8 seconds for 3,000 of them.
 */
#define TIFF_ENTRIES_MAX      1024
#define TIFF_ENTRIES_EACH_MAX 64

/*
 * The most scans of the JPEG in a tile. libtiff has the same limit for strips, but libvips reads
 * tiles.
 */
#define TIFF_TILE_SCANS_MAX 20

/*
 * False if reading the file exceeds these limits. Of a file with more than `max_pages` directories,
 * only these and that of the picture, at `at` (tiff_choose), count. Limits: time in proportion to
 * the size of the file + TIFF_SHARED_BYTES_MAX. Errors: ERROR_TOO_MANY_PIXELS for tiles and strips;
 * ERROR_DAMAGED for entries.
 */
bool tiff_costs_check(const Tiff *tiff, uint64_t at, int max_pages, GError **error);
