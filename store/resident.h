/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of the store's file counts in the memory of the process that writes it.
 *
 * LMDB reads through a map of the whole file. What was touched once stays mapped, with its
 * neighbours: with many objects that would be most of the file, and somebody who limits or watches
 * the daemon's memory would be misled. It is page cache of the kernel's, no memory of ours, so that
 * the map can be let go of at any moment, with transactions and cursors open: what is touched again
 * comes back from the page cache. Private to the store.
 */
#pragma once

#include "store.h"

#include <stddef.h>

/* What of the map counts at the most, besides what is touched between two looks. */
#define RESIDENT_BYTES ((size_t)6 << 20)

/* Begins to count. Without /proc nothing is ever let go of. */
void resident_open(Store *store);
void resident_close(Store *store);

/* The map lies elsewhere from now on. */
void resident_forget_map(Store *store);

/* To be called with each use of a table: looks now and then, and lets go of the map if need be. */
void resident_note(Store *store);
