/* SPDX-License-Identifier: Apache-2.0 */
#include "pack.h"
#include "store_internal.h"

#include <string.h>

/*
 * events: key: sequencer u64; value: time i64, id u64, size i64, error u32, type u8, the object's
 * key with its NUL, and the detail with its NUL where there is one. events_by_object: key: id u64,
 * sequencer u64; no value.
 */
#define FIXED_LEN (3 * 8 + 4 + 1)

const char *store_event_name(StoreEventType type)
{
    static const char *const names[STORE_EVENT_TYPES] = {
        [STORE_EVENT_CREATED] = "created",
        [STORE_EVENT_REMOVED] = "removed",
        [STORE_EVENT_MOVED] = "moved",
        [STORE_EVENT_DONE] = "done",
        [STORE_EVENT_SKIPPED] = "skipped",
        [STORE_EVENT_DEAD] = "dead",
        [STORE_EVENT_RETRY] = "retry",
        [STORE_EVENT_EXPIRED] = "expired",
        [STORE_EVENT_THUMBNAILS_EXPIRED] = "cleared",
        [STORE_EVENT_SCHEDULED] = "schedule",
        [STORE_EVENT_SWEPT] = "sweep",
        [STORE_EVENT_JOB] = "job",
        [STORE_EVENT_ALARM] = "alarm",
    };
    bool is_known = type >= STORE_EVENT_CREATED && type < STORE_EVENT_TYPES;

    return is_known ? names[type] : "unknown";
}

static void encode(const StoreEvent *event, GByteArray *buffer)
{
    g_byte_array_set_size(buffer, FIXED_LEN);

    Packer packer = {.data = buffer->data, .max = FIXED_LEN};
    pack_i64(&packer, event->time_us);
    pack_u64(&packer, event->object_id);
    pack_i64(&packer, event->size);
    pack_u32(&packer, (uint32_t)event->error);
    pack_u8(&packer, (uint8_t)event->type);
    g_byte_array_append(buffer, (const guint8 *)event->key, (guint)strlen(event->key) + 1);
    if (*event->detail)
        g_byte_array_append(buffer, (const guint8 *)event->detail,
                            (guint)strlen(event->detail) + 1);
}

static bool decode(const Store *store, MDB_val key, MDB_val value, StoreEvent *ret_event,
                   GError **error)
{
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    StoreEvent event;

    event.time_us = unpack_i64(&unpacker);
    event.object_id = unpack_u64(&unpacker);
    event.size = unpack_i64(&unpacker);
    event.error = (ErrorCode)unpack_u32(&unpacker);
    event.type = (StoreEventType)unpack_u8(&unpacker);

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

static bool append(Store *store, const StoreEvent *event, GError **error)
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

bool events_append(Store *store, StoreEventType type, const Record *record, ErrorCode code,
                   int64_t now_us, GError **error)
{
    store->changed_us = now_us;
    StoreEvent event = {.sequencer = record->sequencer,
                        .time_us = now_us,
                        .type = type,
                        .object_id = record->id,
                        .size = record->version.size,
                        .error = code,
                        .key = record->key,
                        .detail = ""};
    return append(store, &event, error);
}

bool store_log(Store *store, StoreEventType type, const char *key, const char *detail,
               int64_t time_us, GError **error)
{
    g_return_val_if_fail(strlen(key) + strlen(detail) <= STORE_EVENT_TEXT_MAX, false);
    if (!batch_begin(store, error))
        return false;

    StoreEvent event = {.sequencer = store->next_sequencer++,
                        .time_us = time_us,
                        .type = type,
                        .key = key,
                        .detail = detail};
    store->batch_size++;
    return append(store, &event, error);
}

/* ---- the oldest ---------------------------------------------------------------------------------
 */

/* Rows that one commit drops at the most: less than it has room for, more than it can add. */
#define PRUNE_MAX 4096

static bool drop(Store *store, const StoreEvent *event, GError **error)
{
    uint8_t sequencer[8], by_object[16];

    (void)key_put_u64(sequencer, event->sequencer);
    (void)object_key(event->object_id, event->sequencer, by_object);
    return batch_delete(store, TABLE_EVENTS, (MDB_val){sizeof sequencer, sequencer}, error) &&
           (event->object_id == 0 || batch_delete(store, TABLE_EVENTS_BY_OBJECT,
                                                  (MDB_val){sizeof by_object, by_object}, error));
}

/* Goes through the oldest rows, those that are too many or too old, and drops them if they are to
 * be; `max` at the most. */
static bool walk_old(Store *store, MDB_cursor *cursor, uint64_t too_many, int64_t now_us,
                     bool drops, uint64_t max, uint64_t *ret_n, GError **error)
{
    int64_t keep_us = store->retention.events_us;
    int64_t cutoff_us = keep_us > 0 ? now_us - keep_us : INT64_MIN;
    uint64_t n = 0;
    MDB_val key, value;
    StoreEvent event;
    int rc = 0;

    while (n < max) {
        rc = mdb_cursor_get(cursor, &key, &value, drops || n == 0 ? MDB_FIRST : MDB_NEXT);
        if (rc != 0)
            break;
        if (!decode(store, key, value, &event, error))
            return false;
        if (n >= too_many && event.time_us >= cutoff_us)
            break;
        if (drops && !drop(store, &event, error))
            return false;
        n++;
    }
    *ret_n = n;
    return rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error);
}

static bool each_old(Store *store, MDB_txn *txn, int64_t now_us, bool drops, uint64_t max,
                     uint64_t *ret_n, GError **error)
{
    uint64_t rows_max = store->retention.events_max;
    MDB_stat stat;
    MDB_cursor *cursor;
    int rc = mdb_stat(txn, store->tables[TABLE_EVENTS], &stat);

    if (rc == 0)
        rc = mdb_cursor_open(txn, store->tables[TABLE_EVENTS], &cursor);
    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    uint64_t too_many = stat.ms_entries > rows_max ? stat.ms_entries - rows_max : 0;
    bool ok = walk_old(store, cursor, too_many, now_us, drops, max, ret_n, error);
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

bool events_prune(Store *store, GError **error)
{
    /* Without a change of an object nothing is known of the time. */
    int64_t now_us = store->changed_us ? store->changed_us : INT64_MIN / 2;
    uint64_t dropped;

    return events_drop_old(store, now_us, PRUNE_MAX, &dropped, error);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

/* Reads one object's event, whose sequencer stands at the end of `row`. */
static bool read_of_object(StoreSnapshot *snapshot, MDB_val row, StoreEvent *ret_event,
                           GError **error)
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

/* True if `row` of the table walked is one of the events wanted. */
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

    if (after == UINT64_MAX)
        return true;
    (void)object_key(object_id, after + 1, bytes);
    key = object_id == 0 ? (MDB_val){8, bytes + 8} : (MDB_val){16, bytes};

    int rc = mdb_cursor_open(snapshot->txn, store->tables[table], &cursor);
    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (uint64_t n = 0; rc == 0 && (limit == 0 || n < limit) && is_wanted(key, object_id); n++) {
        StoreEvent event;
        ok = object_id == 0 ? decode(store, key, value, &event, error)
                            : read_of_object(snapshot, key, &event, error);
        if (!ok || !visit(&event, data))
            break;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return ok && (rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error));
}
