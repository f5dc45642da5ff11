/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of objects, and how they change the record. Each function reads, decides, and only
 * then opens the batch: an event without effect costs one look-up and no transaction.
 */
#include "tables/object_state.h"

#include "base/error.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "tables/claims.h"
#include "tables/events.h"
#include "tables/filling.h"
#include "tables/metric_rows.h"
#include "tables/mounts.h"
#include "tables/object_rows.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

/* Renditions that a done object must have. */
struct Wanted {
    /* Borrowed. */
    const Rendition *renditions;
    size_t n_renditions;
};

void state_init(Store *store)
{
    store->wanted = g_new0(Wanted, 1);
}

void state_free(Store *store)
{
    g_free(store->wanted);
}

void store_set_renditions(Store *store, const Rendition *renditions, size_t n_renditions)
{
    *store->wanted = (Wanted){.renditions = renditions, .n_renditions = n_renditions};
}

/* Finds the first row of `table` with a key at or after `key`, or with `skip_equal` after it. */
static bool first_row(Store *store, MDB_txn *txn, Table table, MDB_val key, bool skip_equal,
                      bool *ret_found, MDB_val *ret_key, MDB_val *ret_value, GError **error)
{
    MDB_val at = key;
    MDB_cursor *cursor;

    *ret_found = false;
    if (!env_cursor(store, txn, table, &cursor, error))
        return false;
    if (!cursor)
        return true;
    int rc = mdb_cursor_get(cursor, &at, ret_value, key.mv_size > 0 ? MDB_SET_RANGE : MDB_FIRST);
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
    if (ok && *ret_found && claims_has(store, ret_record->key))
        ret_record->state = STATE_RUNNING;
    return ok;
}

bool store_peek_in_state(Store *store, ObjectState state, uint64_t after, bool *ret_found,
                         Record *ret_record, GError **error)
{
    uint8_t bytes[1 + sizeof after];
    MDB_val key = {sizeof bytes, bytes}, row;
    MDB_txn *txn;
    bool found = false;

    bytes[0] = (uint8_t)state;
    key_put_u64(bytes + 1, after);
    if (!view_begin(store, &txn, error))
        return false;
    bool ok = first_row(store, txn, TABLE_BY_STATE, key, true, &found, &key, &row, error);
    if (ok) {
        *ret_found = found && *(const uint8_t *)key.mv_data == bytes[0];
        ok = !*ret_found || objects_get_row(store, txn, row, ret_record, error);
    }
    view_end(store);
    return ok;
}

/* Replaces `old` by `next` and logs an event. */
static bool change_with_event(Store *store, const Record *old, Record *next, EventType type,
                              ErrorCode code, int64_t now_us, GError **error)
{
    next->sequencer = store->next_sequencer++;
    return objects_change(store, old, next, error) &&
           events_append(store, type, next, code, now_us, error);
}

/* Checks a key that may come from outside: a record must have a valid key. */
static bool check_key(const char *key, GError **error)
{
    if (object_key_is_valid(key))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is not a key of an object", key);
    return false;
}

/*
 * Due time of an object. A first scan finds years of pictures, and people look at the newest ones
 * first. An object that a scan has found and that was never handled is due at the negative day of
 * its file: before all objects that failed, and the newest day first. Files of one day keep the
 * order of the scan, which goes by folders: a handler process serves one folder, and a new process
 * for each file would take longer than the work. record_due_us reads these values.
 */
static int64_t due_of(const Record *record, int64_t now_us)
{
    int64_t mtime_us = record->version.mtime_ns / 1000;

    if (record->priority == PRIORITY_SCAN && record->processed_us == 0)
        return -MAX(mtime_us - mtime_us % DAY_US, 1);
    return now_us;
}

/* Puts the record into the queue. */
static void make_pending(Record *record, Priority priority, int64_t now_us)
{
    /* An object that is pending already keeps its priority if that is better. */
    if (record->state == STATE_PENDING)
        priority = MIN(priority, record->priority);
    record->state = STATE_PENDING;
    record->priority = priority;
    record->due_us = due_of(record, now_us);
    record->attempts = 0;
    record->expired = false;
}

/* Counts an event that leads to an invocation. */
static void count_event(Store *store, int64_t now_us)
{
    store->changed_us = now_us;
    metrics_add(store, METRIC_EVENTS_RECEIVED, now_us, 1);
}

static void set_error(Record *record, ErrorCode code, const char *message)
{
    record->error = code;
    (void)g_strlcpy(record->message, message,
                    /* A longer message is cut off. */
                    sizeof record->message);
}

/* Sets a new version and resets the results of the old one. */
static void set_version(Record *record, const ObjectVersion *version, Priority priority,
                        int64_t now_us)
{
    bool is_running = record->state == STATE_RUNNING;

    record->version = *version;
    record->processed_us = 0;
    record->is_bytes_unsure = false;
    record->is_old = false;
    make_pending(record, priority, now_us);
    if (is_running)
        /* The object becomes pending when its invocation ends. */
        record->state = STATE_RUNNING;
    record->zone_min = record_zone_min(record);
    record->uploaded_us = now_us;
    set_error(record, ERROR_NONE, "");
}

/* Compares two versions without ctime, which a rename or a change of owner or mode changes. */
static bool is_same_file(const ObjectVersion *a, const ObjectVersion *b)
{
    return a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns;
}

/*
 * Sets a version that differs in ctime alone. A version that was handled is handled once more,
 * because its thumbnails take owner and mode, and because its bytes may be others. After a failure
 * the new version counts as new: a picture may be readable now.
 */
static void set_attributes(Record *record, const ObjectVersion *version, Priority priority,
                           int64_t now_us)
{
    bool was_dead = record->state == STATE_DEAD;
    bool was_handled = record->processed_us != 0;
    int64_t processed_us = record->processed_us, uploaded_us = record->uploaded_us;
    bool is_unsure = record->is_bytes_unsure || was_handled;
    bool is_old = record->is_old;

    set_version(record, version, priority, now_us);
    record->is_bytes_unsure = is_unsure;
    record->is_old = is_old;
    if (was_dead)
        return;
    record->processed_us = processed_us;
    record->uploaded_us = uploaded_us;
}

static bool is_stale(const Store *store, const Record *record)
{
    const Wanted *wanted = store->wanted;

    /* Before store_set_renditions no rendition is required. */
    return wanted->n_renditions > 0 &&
           record_is_stale(record, wanted->renditions, wanted->n_renditions);
}

/* True for an object that waits for its mount, see STORE_NEVER_US. */
static bool is_parked(const Record *record)
{
    return record->state == STATE_PENDING && record->due_us == STORE_NEVER_US;
}

/* Stores a record, in the queue, for an object that has none, with an event of the type. */
static bool create(Store *store, const char *key, const ObjectVersion *version, Priority priority,
                   EventType type, int64_t now_us, uint64_t *ret_id, GError **error)
{
    Record record = {.state = STATE_PENDING, .priority = priority, .key = key};

    if (!check_key(key, error) || !batch_begin_for(store, &record, error))
        return false;
    record.id = store->next_id++;
    record.mount = mounts_of(store->mounts, record.key);
    set_version(&record, version, priority, now_us);
    record.is_old = priority == PRIORITY_SCAN && filling_has_older(store, version);
    count_event(store, now_us);
    if (!change_with_event(store, NULL, &record, type, ERROR_NONE, now_us, error))
        return false;
    *ret_id = record.id;
    return true;
}

bool store_seen_renamed(Store *store, const char *key, const ObjectVersion *version, int64_t now_us,
                        uint64_t *ret_id, GError **error)
{
    return create(store, key, version, PRIORITY_UPLOAD, EVENT_MOVED, now_us, ret_id, error);
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
        return create(store, key, version, priority, EVENT_CREATED, now_us, ret_id, error);
    }

    uint32_t mount = mounts_of(store->mounts, key);
    bool is_new_version = !object_version_equal(&old.version, version);
    bool is_due = is_stale(store, &old) || is_parked(&old);
    *ret_id = old.id;
    *ret_seen = is_new_version || is_due ? STORE_QUEUED : STORE_UNCHANGED;
    if (*ret_seen == STORE_UNCHANGED && old.mount == mount)
        return true;
    if (!batch_begin_for(store, &old, error))
        return false;

    Record next = old;
    next.mount = mount;
    if (*ret_seen == STORE_UNCHANGED)
        return objects_change(store, &old, &next, error);
    count_event(store, now_us);
    if (is_new_version && is_same_file(&old.version, version)) {
        set_attributes(&next, version, priority, now_us);
        return objects_change(store, &old, &next, error);
    }
    if (is_new_version) {
        set_version(&next, version, priority, now_us);
        return change_with_event(store, &old, &next, EVENT_CREATED, ERROR_NONE, now_us, error);
    }
    make_pending(&next, PRIORITY_BACKFILL, now_us);
    return objects_change(store, &old, &next, error);
}

/* Removes an object. `type`: the type of the logged event. */
static bool remove_object(Store *store, const char *key, EventType type, int64_t now_us,
                          bool *ret_found, Record *ret_record, GError **error)
{
    Record old;
    bool found;

    if (!store_peek(store, key, &found, &old, error))
        return false;
    *ret_found = found;
    if (!found)
        return true;
    if (!batch_begin_for(store, &old, error))
        return false;
    if (!objects_change(store, &old, NULL, error))
        return false;

    /* The record keeps its sequencer; the event gets a new one. */
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
    return remove_object(store, key, EVENT_REMOVED, now_us, ret_found, ret_record, error);
}

bool store_expire(Store *store, const char *key, int64_t now_us, bool *ret_found,
                  Record *ret_record, GError **error)
{
    return remove_object(store, key, EVENT_EXPIRED, now_us, ret_found, ret_record, error);
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
    if (!batch_begin_for(store, &old, error))
        return false;

    Record next = old;
    next.n_thumbnails = 0;
    next.expired = true;
    if (!change_with_event(store, &old, &next, EVENT_THUMBNAILS_EXPIRED, ERROR_NONE, now_us, error))
        return false;
    *ret_record = old;
    return true;
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
    Record next = old;
    next.key = to;
    if (!batch_begin_for(store, &next, error))
        return false;
    old.key = old_key;
    next.mount = mounts_of(store->mounts, to);
    next.version = *version;
    if (record_is_current(&old))
        next.made = *version;
    /* The old key is gone, and its event has a sequencer of its own. */
    Record gone = old;
    gone.sequencer = store->next_sequencer++;
    store->batch_size++;
    if (!events_append(store, EVENT_REMOVED, &gone, ERROR_NONE, now_us, error))
        return false;
    if (!change_with_event(store, &old, &next, EVENT_MOVED, ERROR_NONE, now_us, error))
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
    /* A running object is being made now. */
    bool is_running = found && old.state == STATE_RUNNING;
    *ret_found = found;
    *ret_changed = found && (job != 0 ? old.job != job : !is_running);
    if (!*ret_changed)
        return true;
    if (!batch_begin_for(store, &old, error))
        return false;
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

bool store_recover(Store *store, uint64_t *ret_recovered, GError **error)
{
    uint64_t recovered = 0;

    for (;;) {
        Record old;
        bool found;
        if (!store_peek_in_state(store, STATE_RUNNING, 0, &found, &old, error))
            return false;
        if (!found)
            break;
        if (!batch_begin_for(store, &old, error))
            return false;

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
    if (!batch_begin_for(store, &old, error))
        return false;

    Record next = old;
    next.state = STATE_SKIPPED;
    return change_with_event(store, &old, &next, EVENT_SKIPPED, next.error, now_us, error);
}
