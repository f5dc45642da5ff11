/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts below the bucket: the stored state of each, and the objects that are away because of them.
 *
 * A record names the mount that its object was seen on (Record.mount). An object is away while its
 * place belongs to another mount: its own was unmounted, or another one hides it. So no record
 * changes when a mount disappears or returns. Private to the store.
 */
#pragma once

#include "store/store.h"

#include <lmdb.h>

/* State of all mounts, of the writer or of the snapshot that was read last. */
typedef struct Mounts Mounts;

/*
 * A stage, see stage.h: reads the rows as `txn` sees them, writes changed rows, and drops the
 * counts of a lost batch. Errors: ERROR_STORE_CORRUPT, those of reading.
 */
void mounts_init(Store *store);
bool mounts_load(Store *store, MDB_txn *txn, GError **error);
bool mounts_flush(Store *store, GError **error);
void mounts_clear(Store *store, bool is_committed);
void mounts_free(Store *store);

/*
 * Returns the mount that contains the place of `key`; 0 for the file system of the bucket itself.
 */
uint32_t mounts_of(const Mounts *mounts, const char *key);

bool mounts_is_away(const Mounts *mounts, const Record *record);

/* Counts the change of a record from `old` (NULL: none) to `new` (NULL: none). */
void mounts_change(Mounts *mounts, const Record *old, const Record *new);

/* True if another mount hides the record's object, and this is not counted yet. */
bool mounts_hides(const Mounts *mounts, const Record *record);

/*
 * Returns the row that counts the objects hidden at the record's place; makes it if there is none.
 */
uint32_t mounts_cover(Mounts *mounts, const Record *record, int64_t now_us);

/* True if no mount is recorded. */
bool mounts_is_empty(const Mounts *mounts);

/* Returns the number of objects that are away: on absent mounts, or hidden by a mount. */
uint64_t mounts_count_away(const Mounts *mounts);
