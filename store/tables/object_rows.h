/* SPDX-License-Identifier: Apache-2.0 */
/* Records, and all rows that are derived from a record and change with it. Private to the store. */
#pragma once

#include "engine/keys.h"
#include "store/record.h"
#include "store/store.h"

#include <lmdb.h>

/* Reads the record of a key. The record's key is borrowed from the transaction. */
bool objects_get(Store *store, MDB_txn *txn, const char *key, bool *ret_found, Record *ret_record,
                 GError **error);

/* Reads the record that an index row names; the record must exist. */
bool objects_get_row(Store *store, MDB_txn *txn, MDB_val row, Record *ret_record, GError **error);

/* Decodes a row of the table of records. */
bool objects_decode(const Store *store, MDB_val value, Record *ret_record, GError **error);

/* As store_peek, without claims that are not written yet. */
bool objects_peek(Store *store, const char *key, bool *ret_found, Record *ret_record,
                  GError **error);

/*
 * The only function that changes a record: from `old` (NULL: none) to `new` (NULL: none), with the
 * queue, all indexes and the totals. Counts as one change of the batch. Neither key may point into
 * the database.
 */
bool objects_change(Store *store, const Record *old, const Record *new, GError **error);

/* Key of a record in an index table, see object_rows.c. */
typedef struct {
    uint8_t bytes[KEY_INDEX_MAX];
    /* 0: the index does not contain the record. */
    size_t len;
} IndexKey;

IndexKey index_key_queue(const Record *record);
IndexKey index_key_state(const Record *record);
IndexKey index_key_date(const Record *record);
IndexKey index_key_size(const Record *record);
IndexKey index_key_type(const Record *record);
