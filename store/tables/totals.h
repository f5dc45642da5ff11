/* SPDX-License-Identifier: Apache-2.0 */
/* The stored totals: counters per group, which change with the records. Private to the store. */
#pragma once

#include "store/store.h"

#include <lmdb.h>

/* A stage, see stage.h. */
void totals_init(Store *store);
bool totals_flush(Store *store, GError **error);
void totals_clear(Store *store, bool is_committed);
void totals_free(Store *store);

/* Subtracts `old` (or nothing) from the totals of the batch and adds `new` (or nothing). */
void totals_change(Store *store, const Record *old, const Record *new);

/* Reads the number of objects in a group as the snapshot sees it. */
bool totals_objects(StoreSnapshot *snapshot, StoreBy by, const char *group, uint64_t *ret_objects,
                    GError **error);

/* Reads the number of objects in a state as `txn` sees it; of the batch, only the flushed part. */
bool totals_state(Store *store, MDB_txn *txn, ObjectState state, uint64_t *ret_objects,
                  GError **error);

/*
 * Counts the objects on the days that overlap the period from *since_us up to *until_us (NULL: no
 * limit). *ret_objects does not change if there are more than `max_days` days.
 */
bool totals_count_days(StoreSnapshot *snapshot, const int64_t *since_us, const int64_t *until_us,
                       unsigned max_days, uint64_t *ret_objects, GError **error);

/* Visits the stored groups, sorted by name. */
bool totals_walk(StoreSnapshot *snapshot, StoreBy by, StoreVisitGroup visit, void *data,
                 GError **error);
