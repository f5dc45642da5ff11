/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write transaction: the first change opens it, and it gathers changes until the commit.
 * Private to the store.
 */
#pragma once

#include "engine/tables.h"
#include "store/record.h"
#include "store/store.h"

#include <lmdb.h>

/* Opens a batch if there is none. A full batch is committed first. */
bool batch_begin(Store *store, GError **error);

/*
 * As batch_begin, for a change of `record`. The record's key may be borrowed from the database and
 * becomes invalid here; so it is copied, and record->key points to the copy until the next change.
 */
bool batch_begin_for(Store *store, Record *record, GError **error);

/* Copies the record's key into the store, without a change; see batch_begin_for. */
void batch_hold_key(Store *store, Record *record);

/* Change a table. An error marks the batch as failed. `flags`: as mdb_put. */
bool batch_put(Store *store, Table table, MDB_val key, MDB_val value, unsigned flags,
               GError **error);
bool batch_delete(Store *store, Table table, MDB_val key, GError **error);

/* Loads and stores the next id and the next sequencer. */
bool batch_load_counters(Store *store, MDB_txn *txn, GError **error);

/*
 * Begin and end the writer's view: the batch, or without one a read transaction. Views cannot be
 * nested.
 */
bool view_begin(Store *store, MDB_txn **ret_txn, GError **error);
void view_end(Store *store);
