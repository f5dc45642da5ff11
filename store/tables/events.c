/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/events.h"

#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/snapshot.h"
#include "tables/trigger_rows.h"

#include <string.h>

/*
 * Table events, key: sequencer u64; value: time i64, id u64, size i64, error u32, type u8 (with
 * OLD_FLAG for an object that is older than the store), the object's key with its NUL, and the
 * detail with its NUL if there is one. Table events_by_object, key: id u64, sequencer u64; no
 * value.
 */
#define FIXED_LEN (3 * 8 + 4 + 1)
#define OLD_FLAG  0x80

static void encode(const Event *event, GByteArray *buffer)
{
    g_byte_array_set_size(buffer, FIXED_LEN);

    Packer packer = {.data = buffer->data, .max = FIXED_LEN};
    pack_i64(&packer, event->time_us);
    pack_u64(&packer, event->object_id);
    pack_i64(&packer, event->size);
    pack_u32(&packer, (uint32_t)event->error);
    pack_u8(&packer, (uint8_t)(event->type | (event->is_old ? OLD_FLAG : 0)));
    g_byte_array_append(buffer, (const guint8 *)event->key, (guint)strlen(event->key) + 1);
    if (*event->detail)
        g_byte_array_append(buffer, (const guint8 *)event->detail,
                            (guint)strlen(event->detail) + 1);
}

static bool decode(const Store *store, MDB_val key, MDB_val value, Event *ret_event, GError **error)
{
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    Event event;

    event.time_us = unpack_i64(&unpacker);
    event.object_id = unpack_u64(&unpacker);
    event.size = unpack_i64(&unpacker);
    event.error = (ErrorCode)unpack_u32(&unpacker);
    uint8_t type = unpack_u8(&unpacker);
    event.type = (EventType)(type & ~OLD_FLAG);
    event.is_old = type & OLD_FLAG;

    size_t texts_len = value.mv_size - unpacker.at;
    event.key = unpack_bytes(&unpacker, texts_len);
    if (unpacker.failed || key.mv_size != 8 || texts_len == 0 || event.key[texts_len - 1] != '\0')
        return env_fail_corrupt(store, "an event cannot be read", error);
    size_t key_len = strlen(event.key) + 1;
    event.detail = key_len < texts_len ? event.key + key_len : "";
    event.sequencer = key_get_u64(key.mv_data);
    *ret_event = event;
    return true;
}

static size_t object_key(uint64_t id, uint64_t sequencer, uint8_t ret_key[static 16])
{
    (void)key_put_u64(key_put_u64(ret_key, id), sequencer);
    return 16;
}

/* Appends an event to the log, and to the index by object if it concerns one. */
static bool append(Store *store, const Event *event, GError **error)
{
    uint8_t key[8], by_object[16];
    MDB_val nothing = {0, NULL};

    (void)key_put_u64(key, event->sequencer);
    encode(event, store->buffer);
    if (!batch_put(store, TABLE_EVENTS, (MDB_val){sizeof key, key},
                   (MDB_val){store->buffer->len, store->buffer->data}, MDB_APPEND, error))
        return false;
    if (event->object_id == 0)
        return true;
    (void)object_key(event->object_id, event->sequencer, by_object);
    return batch_put(store, TABLE_EVENTS_BY_OBJECT, (MDB_val){sizeof by_object, by_object}, nothing,
                     0, error);
}

/* True for an event that the first scan of a new store can cause although nothing has happened to
 * the object. */
static bool is_first_sight(EventType type)
{
    return type == EVENT_CREATED || type == EVENT_DONE || type == EVENT_SKIPPED ||
           type == EVENT_DEAD || type == EVENT_RETRY;
}

bool events_append(Store *store, EventType type, const Record *record, ErrorCode code,
                   int64_t now_us, GError **error)
{
    store->changed_us = now_us;
    Event event = {.sequencer = record->sequencer,
                   .time_us = now_us,
                   .type = type,
                   .object_id = record->id,
                   .size = record->version.size,
                   .error = code,
                   .is_old = record->is_old && is_first_sight(type),
                   .key = record->key,
                   .detail = ""};
    return append(store, &event, error);
}

bool store_log(Store *store, EventType type, const char *key, const char *detail, int64_t time_us,
               GError **error)
{
    g_return_val_if_fail(strlen(key) + strlen(detail) <= STORE_EVENT_TEXT_MAX, false);
    if (!batch_begin(store, error))
        return false;

    Event event = event_of_bucket(type, key, detail, time_us);
    event.sequencer = store->next_sequencer++;
    store->batch_size++;
    return append(store, &event, error);
}

/*
 * Largest number of rows that one commit deletes: less than it has room for, more than it can add.
 */
#define PRUNE_MAX 4096

/* Deletes an event from the log and from the index by object. */
static bool drop(Store *store, const Event *event, GError **error)
{
    uint8_t sequencer[8], by_object[16];

    (void)key_put_u64(sequencer, event->sequencer);
    (void)object_key(event->object_id, event->sequencer, by_object);
    return batch_delete(store, TABLE_EVENTS, (MDB_val){sizeof sequencer, sequencer}, error) &&
           (event->object_id == 0 || batch_delete(store, TABLE_EVENTS_BY_OBJECT,
                                                  (MDB_val){sizeof by_object, by_object}, error));
}

/*
 * Visits the oldest rows that are too many or too old, at most `max`, and deletes them if `drops`
 * is set. Rows behind `floor` stay: a trigger has not seen them.
 */
static bool walk_old(Store *store, MDB_cursor *cursor, uint64_t too_many, uint64_t floor,
                     int64_t now_us, bool drops, uint64_t max, uint64_t *ret_n, GError **error)
{
    int64_t keep_us = store->retention->events_us;
    int64_t cutoff_us = keep_us > 0 ? now_us - keep_us : INT64_MIN;
    uint64_t n = 0;
    MDB_val key, value;
    Event event = {0};
    int rc = 0;

    while (n < max) {
        rc = mdb_cursor_get(cursor, &key, &value, drops || n == 0 ? MDB_FIRST : MDB_NEXT);
        if (rc != 0)
            break;
        if (!decode(store, key, value, &event, error))
            return false;
        if ((n >= too_many && event.time_us >= cutoff_us) || event.sequencer > floor)
            break;
        if (drops && !drop(store, &event, error))
            return false;
        n++;
    }
    *ret_n = n;
    return rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error);
}

/* Counts the events that are kept no longer, or deletes them; at most `max`. */
static bool each_old(Store *store, MDB_txn *txn, int64_t now_us, bool drops, uint64_t max,
                     uint64_t *ret_n, GError **error)
{
    uint64_t rows_max = store->retention->events_max;
    MDB_stat stat;
    MDB_cursor *cursor;
    uint64_t floor;

    *ret_n = 0;
    if (!triggers_floor(store, txn, &floor, error) ||
        !env_cursor(store, txn, TABLE_EVENTS, &cursor, error))
        return false;
    if (!cursor)
        return true;
    /* This fails only without a table. */
    (void)mdb_stat(txn, store->tables[TABLE_EVENTS], &stat);
    uint64_t too_many = stat.ms_entries > rows_max ? stat.ms_entries - rows_max : 0;
    bool ok = walk_old(store, cursor, too_many, floor, now_us, drops, max, ret_n, error);
    mdb_cursor_close(cursor);
    return ok;
}

bool events_drop_old(Store *store, int64_t now_us, uint64_t max, uint64_t *ret_dropped,
                     GError **error)
{
    return each_old(store, store->batch, now_us, true, max, ret_dropped, error);
}

bool events_count_old(Store *store, MDB_txn *txn, int64_t now_us, uint64_t *ret_n, GError **error)
{
    return each_old(store, txn, now_us, false, UINT64_MAX, ret_n, error);
}

bool events_flush(Store *store, GError **error)
{
    /* Without a change of an object the batch has no time. */
    int64_t now_us = store->changed_us ? store->changed_us : INT64_MIN / 2;
    uint64_t dropped;

    return events_drop_old(store, now_us, PRUNE_MAX, &dropped, error);
}

/* Reads an object's event; its sequencer is the end of `row`. */
static bool read_of_object(StoreSnapshot *snapshot, MDB_val row, Event *ret_event, GError **error)
{
    MDB_val key = {8, (uint8_t *)row.mv_data + 8};
    MDB_val value;
    bool found;

    if (!env_get(snapshot->store, snapshot->txn, TABLE_EVENTS, key, &found, &value, error))
        return false;
    if (!found)
        return env_fail_corrupt(snapshot->store, "its tables do not agree", error);
    return decode(snapshot->store, key, value, ret_event, error);
}

/* True if `row` of the walked table is a requested event. */
static bool is_wanted(MDB_val row, uint64_t object_id)
{
    return object_id == 0 || (row.mv_size == 16 && key_get_u64(row.mv_data) == object_id);
}

bool store_events(StoreSnapshot *snapshot, uint64_t after, uint64_t object_id, uint64_t limit,
                  StoreVisitEvent visit, void *data, GError **error)
{
    Store *store = snapshot->store;
    Table table = object_id == 0 ? TABLE_EVENTS : TABLE_EVENTS_BY_OBJECT;
    uint8_t bytes[16];
    MDB_val key, value;
    MDB_cursor *cursor;
    bool ok = true;

    if (after == UINT64_MAX || store->tables[TABLE_EVENTS] == TABLE_LACKING)
        return true;
    (void)object_key(object_id, after + 1, bytes);
    key = object_id == 0 ? (MDB_val){8, bytes + 8} : (MDB_val){16, bytes};

    if (!env_cursor(store, snapshot->txn, table, &cursor, error))
        return false;
    if (!cursor)
        return true;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (uint64_t n = 0; rc == 0 && (limit == 0 || n < limit) && is_wanted(key, object_id); n++) {
        Event event;
        ok = object_id == 0 ? decode(store, key, value, &event, error)
                            : read_of_object(snapshot, key, &event, error);
        if (!ok || !visit(&event, data))
            break;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return ok && (rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error));
}
