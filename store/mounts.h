/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts below the bucket: what is remembered of each, and which objects are away because of them.
 *
 * A record names the mount that its object was seen on (Record.mount). An object is away while its
 * place belongs to another mount than that: its own has been unmounted, or another one hides it.
 * So nothing is written for each object when a mount goes or comes back. Private to the store.
 */
#pragma once

#include "store.h"

#include <lmdb.h>

/* What is remembered of the mounts, of the writer or of the snapshot read last. */
typedef struct Mounts Mounts;

Mounts *mounts_new(void);
void mounts_free(Mounts *mounts);

/* Reads the rows as `txn` sees them. Errors: ERROR_STORE_CORRUPT, those of reading. */
bool mounts_load(Store *store, MDB_txn *txn, GError **error);

/* The mount that the place of `key` belongs to; 0 for the bucket's own file system. */
uint32_t mounts_of(const Mounts *mounts, const char *key);

bool mounts_is_away(const Mounts *mounts, const Record *record);

/* Counts a change of a record from `old` (NULL: none) to `new` (NULL: none). */
void mounts_change(Mounts *mounts, const Record *old, const Record *new);

/* Writes the rows that have changed; within the batch, before its commit. */
bool mounts_flush(Store *store, GError **error);

/* The batch has ended. What one that is lost has counted is forgotten. */
void mounts_settle(Store *store, bool committed);
