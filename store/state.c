/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to an object, and what that makes of its record. Each function looks, decides, and
 * only then opens the batch: what changes nothing costs one lookup and no transaction.
 */
#include "metrics.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

void store_set_renditions(Store *store, const Rendition *renditions, size_t n_renditions)
{
    store->renditions = renditions;
    store->n_renditions = n_renditions;
}

/* ---- looking ------------------------------------------------------------------------------------
 */

bool store_peek(Store *store, const char *key, bool *ret_found, Record *ret_record, GError **error)
{
    return claims_write(store, key, error) && state_peek(store, key, ret_found, ret_record, error);
}

bool state_peek(Store *store, const char *key, bool *ret_found, Record *ret_record, GError **error)
{
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = objects_get(store, txn, key, ret_found, ret_record, error);
    view_end(store);
    return ok;
}

/* The first row of `table` whose key is at or after `key`, or with `skip_equal` after it. */
static bool first_row(Store *store, MDB_txn *txn, Table table, MDB_val key, bool skip_equal,
                      bool *ret_found, MDB_val *ret_key, MDB_val *ret_value, GError **error)
{
    MDB_val at = key;
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, store->tables[table], &cursor);

    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    rc = mdb_cursor_get(cursor, &at, ret_value, key.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST);
    if (rc == 0 && skip_equal && at.mv_size == key.mv_size &&
        memcmp(at.mv_data, key.mv_data, key.mv_size) == 0)
        rc = mdb_cursor_get(cursor, &at, ret_value, MDB_NEXT);
    mdb_cursor_close(cursor);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return env_fail(store, rc, "cannot read store", error);
    *ret_found = rc == 0;
    *ret_key = at;
    return true;
}

bool store_peek_after(Store *store, const char *after, bool *ret_found, Record *ret_record,
                      GError **error)
{
    uint8_t bytes[KEY_MAX];
    MDB_val key = {after ? key_from_object(after, bytes) : 0, bytes};
    MDB_val value;
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = first_row(store, txn, TABLE_OBJECTS, key, true, ret_found, &key, &value, error) &&
              (!*ret_found || objects_decode(store, value, ret_record, error));
    view_end(store);
    if (ok && *ret_found && claims_has(store->claims, ret_record->key))
        ret_record->state = STATE_RUNNING;
    return ok;
}

/* ---- changing -----------------------------------------------------------------------------------
 */

/* Puts `next` in the place of `old`, with an event of its own. */
static bool change_with_event(Store *store, const Record *old, Record *next, StoreEventType type,
                              ErrorCode code, int64_t now_us, GError **error)
{
    next->sequencer = store->next_sequencer++;
    return objects_change(store, old, next, error) &&
           events_append(store, type, next, code, now_us, error);
}

/* The key of a change that may come from outside: checked here, since a record holds none but valid
 * ones. */
static bool check_key(const char *key, GError **error)
{
    if (object_key_is_valid(key))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is not a key of an object", key);
    return false;
}

/*
 * A first scan finds years of pictures, and people look for the newest first. What a scan has found
 * and nobody has handled yet is due at the negative day of its file: before all that failed, and
 * the newest day first. Files of one day keep the order of the scan, which goes by folders: a
 * handler process serves one folder, and a new one for each file would take longer than the work.
 * record_due_us knows of it.
 */
static int64_t due_of(const Record *record, int64_t now_us)
{
    int64_t mtime_us = record->version.mtime_ns / 1000;

    if (record->priority == PRIORITY_SCAN && record->processed_us == 0)
        return -MAX(mtime_us - mtime_us % DAY_US, 1);
    return now_us;
}

static void make_pending(Record *record, Priority priority, int64_t now_us)
{
    /* What waits already keeps its place where that is better. */
    if (record->state == STATE_PENDING)
        priority = MIN(priority, record->priority);
    record->state = STATE_PENDING;
    record->priority = priority;
    record->due_us = due_of(record, now_us);
    record->attempts = 0;
    record->expired = false;
}

/* An event has been taken for which there will be an invocation. */
static void count_event(Store *store, int64_t now_us)
{
    store->changed_us = now_us;
    metrics_add(store, METRIC_EVENTS_RECEIVED, now_us, 1);
}

static void set_error(Record *record, ErrorCode code, const char *message)
{
    record->error = code;
    (void)g_strlcpy(record->message, message,
                    sizeof record->message); /* cut off where it is too long */
}

/* A new version: all that was said of handling the old one does not hold any more. */
static void set_version(Record *record, const ObjectVersion *version, Priority priority,
                        int64_t now_us)
{
    bool is_running = record->state == STATE_RUNNING;

    record->version = *version;
    record->processed_us = 0;
    make_pending(record, priority, now_us);
    if (is_running)
        record->state = STATE_RUNNING; /* pending when its invocation ends */
    record->zone_min = record_zone_min(record);
    record->uploaded_us = now_us;
    set_error(record, ERROR_NONE, "");
}

static bool is_stale(const Store *store, const Record *record)
{
    /* Before store_set_renditions nothing is known to be wanted. */
    return store->n_renditions > 0 &&
           record_is_stale(record, store->renditions, store->n_renditions);
}

/* It waits for its mount: see STORE_NEVER_US. */
static bool is_parked(const Record *record)
{
    return record->state == STATE_PENDING && record->due_us == STORE_NEVER_US;
}

static bool create(Store *store, const char *key, const ObjectVersion *version, Priority priority,
                   int64_t now_us, uint64_t *ret_id, GError **error)
{
    if (!check_key(key, error) || !batch_begin_for(store, key, error))
        return false;

    Record record = {.id = store->next_id++, .state = STATE_PENDING, .key = store->key};
    record.priority = priority;
    record.mount = mounts_of(store->mounts, key);
    set_version(&record, version, priority, now_us);
    count_event(store, now_us);
    if (!change_with_event(store, NULL, &record, STORE_EVENT_CREATED, ERROR_NONE, now_us, error))
        return false;
    *ret_id = record.id;
    return true;
}

bool store_seen(Store *store, const char *key, const ObjectVersion *version, Priority priority,
                int64_t now_us, StoreSeen *ret_seen, uint64_t *ret_id, GError **error)
{
    Record old;
    bool found;

    if (!store_peek(store, key, &found, &old, error))
        return false;
    if (!found) {
        *ret_seen = STORE_QUEUED;
        return create(store, key, version, priority, now_us, ret_id, error);
    }

    uint32_t mount = mounts_of(store->mounts, key);
    bool is_new_version = !object_version_equal(&old.version, version);
    bool is_due = is_stale(store, &old) || is_parked(&old);
    *ret_id = old.id;
    *ret_seen = is_new_version || is_due ? STORE_QUEUED : STORE_UNCHANGED;
    if (*ret_seen == STORE_UNCHANGED && old.mount == mount)
        return true;
    if (!batch_begin_for(store, key, error))
        return false;
    old.key = store->key;

    Record next = old;
    next.mount = mount;
    if (*ret_seen == STORE_UNCHANGED)
        return objects_change(store, &old, &next, error);
    count_event(store, now_us);
    if (is_new_version) {
        set_version(&next, version, priority, now_us);
        return change_with_event(store, &old, &next, STORE_EVENT_CREATED, ERROR_NONE, now_us,
                                 error);
    }
    make_pending(&next, PRIORITY_BACKFILL, now_us);
    return objects_change(store, &old, &next, error);
}

/* `type`: what the event says of it. */
static bool remove_object(Store *store, const char *key, StoreEventType type, int64_t now_us,
                          bool *ret_found, Record *ret_record, GError **error)
{
    Record old;
    bool found;

    if (!store_peek(store, key, &found, &old, error))
        return false;
    *ret_found = found;
    if (!found)
        return true;
    if (!batch_begin_for(store, key, error))
        return false;
    old.key = store->key;
    if (!objects_change(store, &old, NULL, error))
        return false;

    /* The record keeps the sequencer it had; the event has its own. */
    Record event = old;
    event.sequencer = store->next_sequencer++;
    if (!events_append(store, type, &event, ERROR_NONE, now_us, error))
        return false;
    *ret_record = old;
    return true;
}

bool store_remove(Store *store, const char *key, int64_t now_us, bool *ret_found,
                  Record *ret_record, GError **error)
{
    return remove_object(store, key, STORE_EVENT_REMOVED, now_us, ret_found, ret_record, error);
}

bool store_expire(Store *store, const char *key, int64_t now_us, bool *ret_found,
                  Record *ret_record, GError **error)
{
    return remove_object(store, key, STORE_EVENT_EXPIRED, now_us, ret_found, ret_record, error);
}

bool store_expire_thumbnails(Store *store, const char *key, int64_t now_us, bool *ret_expired,
                             Record *ret_record, GError **error)
{
    Record old;
    bool found;

    if (!store_peek(store, key, &found, &old, error))
        return false;
    *ret_expired = found && old.state == STATE_DONE && old.n_thumbnails > 0;
    if (!*ret_expired)
        return true;
    if (!batch_begin_for(store, key, error))
        return false;
    old.key = store->key;

    Record next = old;
    next.n_thumbnails = 0;
    next.expired = true;
    if (!change_with_event(store, &old, &next, STORE_EVENT_THUMBNAILS_EXPIRED, ERROR_NONE, now_us,
                           error))
        return false;
    *ret_record = old;
    return true;
}

/* A rename changes ctime, and nothing else. */
static bool is_same_file(const ObjectVersion *a, const ObjectVersion *b)
{
    return a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns;
}

static bool is_finished(const Record *record)
{
    return record->state == STATE_DONE || record->state == STATE_SKIPPED ||
           record->state == STATE_DEAD;
}

bool store_move(Store *store, const char *from, const char *to, const ObjectVersion *version,
                int64_t now_us, bool *ret_moved, Record *ret_record, GError **error)
{
    Record old, other;
    bool found, occupied;

    if (!check_key(to, error) || !store_peek(store, to, &occupied, &other, error) ||
        !store_peek(store, from, &found, &old, error))
        return false;
    *ret_moved = found && !occupied && is_finished(&old) && is_same_file(&old.version, version);
    if (!*ret_moved)
        return true;

    g_autofree char *old_key = g_strdup(from);
    if (!batch_begin_for(store, to, error))
        return false;
    old.key = old_key;

    Record next = old;
    next.key = store->key;
    next.mount = mounts_of(store->mounts, to);
    next.version = *version;
    if (record_is_current(&old))
        next.made = *version;
    if (!change_with_event(store, &old, &next, STORE_EVENT_MOVED, ERROR_NONE, now_us, error))
        return false;
    *ret_record = next;
    return true;
}

bool state_requeue(Store *store, const char *key, Priority priority, uint32_t job, int64_t now_us,
                   bool *ret_found, bool *ret_changed, GError **error)
{
    Record old;
    bool found;

    if (!store_peek(store, key, &found, &old, error))
        return false;
    /* One that is running is being made anew right now. */
    bool is_running = found && old.state == STATE_RUNNING;
    *ret_found = found;
    *ret_changed = found && (job != 0 ? old.job != job : !is_running);
    if (!*ret_changed)
        return true;
    if (!batch_begin_for(store, key, error))
        return false;
    old.key = store->key;
    count_event(store, now_us);

    Record next = old;
    if (!is_running)
        make_pending(&next, priority, now_us);
    if (job != 0)
        next.job = job;
    return objects_change(store, &old, &next, error);
}

bool store_requeue(Store *store, const char *key, Priority priority, int64_t now_us,
                   bool *ret_found, GError **error)
{
    bool changed;

    return state_requeue(store, key, priority, 0, now_us, ret_found, &changed, error);
}

/* ---- after a crash ------------------------------------------------------------------------------
 */

/* The first record that is running. */
static bool find_running(Store *store, bool *ret_found, Record *ret_record, GError **error)
{
    uint8_t state = STATE_RUNNING;
    MDB_val key = {1, &state};
    MDB_val row;
    MDB_txn *txn;
    bool found = false;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = first_row(store, txn, TABLE_BY_STATE, key, false, &found, &key, &row, error);
    if (ok) {
        *ret_found = found && *(const uint8_t *)key.mv_data == state;
        ok = !*ret_found || objects_get_row(store, txn, row, ret_record, error);
    }
    view_end(store);
    return ok;
}

bool store_recover(Store *store, uint64_t *ret_recovered, GError **error)
{
    uint64_t recovered = 0;

    for (;;) {
        Record old;
        bool found;
        if (!find_running(store, &found, &old, error))
            return false;
        if (!found)
            break;
        if (!batch_begin_for(store, old.key, error))
            return false;
        old.key = store->key;

        Record next = old;
        next.state = STATE_PENDING;
        if (!objects_change(store, &old, &next, error))
            return false;
        recovered++;
    }
    *ret_recovered = recovered;
    return true;
}

bool store_drop(Store *store, const char *key, int64_t now_us, bool *ret_dropped, GError **error)
{
    Record old;
    bool found;

    if (!store_peek(store, key, &found, &old, error))
        return false;
    *ret_dropped = found && old.state == STATE_DEAD;
    if (!*ret_dropped)
        return true;
    if (!batch_begin_for(store, key, error))
        return false;
    old.key = store->key;

    Record next = old;
    next.state = STATE_SKIPPED;
    return change_with_event(store, &old, &next, STORE_EVENT_SKIPPED, next.error, now_us, error);
}
