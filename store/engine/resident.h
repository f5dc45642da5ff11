/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits the part of the store's file that counts as memory of the writing process.
 *
 * LMDB reads through a map of the whole file. Pages that were read once stay mapped, with their
 * neighbours. With many objects this would be most of the file, and would mislead a person or a
 * limit that watches the memory of the daemon. The pages belong to the kernel's page cache, so the
 * map can be dropped at any moment, even with transactions and cursors open; the next access maps a
 * page again. Private to the store.
 */
#pragma once

#include "store/store.h"

#include <stddef.h>

/* Limit of mapped bytes, in addition to those of the uses between two checks. */
#define RESIDENT_BYTES ((size_t)6 << 20)

/* Begins to count. Without /proc the map is never dropped. */
void resident_open(Store *store);
void resident_close(Store *store);

/*
 * Must be called with each use of a table. Checks the memory now and then, and drops the map if it
 * is above the limit.
 */
void resident_count_use(Store *store);
