/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/object_rows.h"

#include "engine/batch.h"
#include "engine/env.h"
#include "tables/job_rows.h"
#include "tables/mounts.h"
#include "tables/record_codec.h"
#include "tables/totals.h"

#include <string.h>

/*
 * Makes the key of an index row. Each index is sorted by its value, then by the id, which makes the
 * key unique.
 */
static IndexKey index_key_i64(int64_t value, uint64_t id)
{
    IndexKey key;

    (void)key_put_u64(key_put_i64(key.bytes, value), id);
    key.len = 16;
    return key;
}

static IndexKey index_key_u8(uint8_t value, uint64_t id)
{
    IndexKey key;

    key.bytes[0] = value;
    (void)key_put_u64(key.bytes + 1, id);
    key.len = 9;
    return key;
}

IndexKey index_key_queue(const Record *record)
{
    IndexKey key = {.len = 0};

    if (record->state != STATE_PENDING)
        return key;
    key.bytes[0] = (uint8_t)record->priority;
    (void)key_put_u64(key_put_i64(key.bytes + 1, record->due_us), record->sequencer);
    key.len = 17;
    return key;
}

IndexKey index_key_state(const Record *record)
{
    return index_key_u8((uint8_t)record->state, record->id);
}

IndexKey index_key_date(const Record *record)
{
    return index_key_i64(record_indexed_date_us(record), record->id);
}

IndexKey index_key_size(const Record *record)
{
    return index_key_i64(record->version.size, record->id);
}

IndexKey index_key_type(const Record *record)
{
    return index_key_u8((uint8_t)record->facts.type, record->id);
}

static const struct {
    Table table;
    IndexKey (*key)(const Record *record);
} indexes[] = {
    {TABLE_QUEUE, index_key_queue},  {TABLE_BY_STATE, index_key_state},
    {TABLE_BY_DATE, index_key_date}, {TABLE_BY_SIZE, index_key_size},
    {TABLE_BY_TYPE, index_key_type},
};

bool objects_decode(const Store *store, MDB_val value, Record *ret_record, GError **error)
{
    if (record_decode(value.mv_data, value.mv_size, ret_record, NULL)) {
        ret_record->away = mounts_is_away(store->mounts, ret_record);
        return true;
    }
    return env_fail_corrupt(store, "a record cannot be read", error);
}

bool objects_get(Store *store, MDB_txn *txn, const char *key, bool *ret_found, Record *ret_record,
                 GError **error)
{
    uint8_t row[KEY_MAX];
    MDB_val value;
    bool found = false;

    /* LMDB has no empty keys, and neither has a bucket. */
    if (*key != '\0' && !env_get(store, txn, TABLE_OBJECTS,
                                 (MDB_val){key_from_object(key, row), row}, &found, &value, error))
        return false;
    if (found && !objects_decode(store, value, ret_record, error))
        return false;
    *ret_found = found;
    return true;
}

bool objects_get_row(Store *store, MDB_txn *txn, MDB_val row, Record *ret_record, GError **error)
{
    MDB_val value;
    bool found;

    if (!env_get(store, txn, TABLE_OBJECTS, row, &found, &value, error))
        return false;
    if (!found)
        return env_fail_corrupt(store, "its tables do not agree", error);
    return objects_decode(store, value, ret_record, error);
}

bool objects_peek(Store *store, const char *key, bool *ret_found, Record *ret_record,
                  GError **error)
{
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = objects_get(store, txn, key, ret_found, ret_record, error);
    view_end(store);
    return ok;
}

/* Key of a record's row; length 0 for no record. */
typedef struct {
    uint8_t bytes[KEY_MAX];
    size_t len;
} RecordRow;

static void row_of(const Record *record, RecordRow *ret_row)
{
    ret_row->len = record ? key_from_object(record->key, ret_row->bytes) : 0;
}

static bool bytes_equal(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/*
 * Replaces, adds or deletes the row of a record: `old_row` is empty for a new one, `new` is NULL to
 * delete.
 */
static bool change_row(Store *store, const RecordRow *old_row, const RecordRow *new_row,
                       const Record *new, GError **error)
{
    bool same = bytes_equal(old_row->bytes, old_row->len, new_row->bytes, new_row->len);
    unsigned flags = same ? 0 : MDB_NOOVERWRITE;

    if (old_row->len > 0 && !same &&
        !batch_delete(store, TABLE_OBJECTS, (MDB_val){old_row->len, (void *)old_row->bytes}, error))
        return false;
    if (!new)
        return true;
    g_byte_array_set_size(store->buffer, 0);
    record_encode(new, store->buffer);
    return batch_put(store, TABLE_OBJECTS, (MDB_val){new_row->len, (void *)new_row->bytes},
                     (MDB_val){store->buffer->len, store->buffer->data}, flags, error);
}

/* Changes an index row only if it differs: most changes leave most rows as they are. */
static bool change_index(Store *store, Table table, IndexKey old_key, const RecordRow *old_row,
                         IndexKey new_key, const RecordRow *new_row, GError **error)
{
    if (bytes_equal(old_key.bytes, old_key.len, new_key.bytes, new_key.len) &&
        bytes_equal(old_row->bytes, old_row->len, new_row->bytes, new_row->len))
        return true;
    if (old_key.len > 0 &&
        !batch_delete(store, table, (MDB_val){old_key.len, old_key.bytes}, error))
        return false;
    return new_key.len == 0 ||
           batch_put(store, table, (MDB_val){new_key.len, new_key.bytes},
                     (MDB_val){new_row->len, (void *)new_row->bytes}, MDB_NOOVERWRITE, error);
}

bool objects_change(Store *store, const Record *old, const Record *new, GError **error)
{
    const IndexKey none = {.len = 0};
    RecordRow old_row, new_row;

    row_of(old, &old_row);
    row_of(new, &new_row);
    if (!change_row(store, &old_row, &new_row, new, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(indexes); i++) {
        if (!change_index(store, indexes[i].table, old ? indexes[i].key(old) : none, &old_row,
                          new ? indexes[i].key(new) : none, &new_row, error))
            return false;
    }
    totals_change(store, old, new);
    mounts_change(store->mounts, old, new);
    store->batch_size++;
    return job_rows_change(store, old, new, error);
}
