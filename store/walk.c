/* SPDX-License-Identifier: Apache-2.0 */
#include "walk.h"

#include <string.h>

void walk_range_set_prefix(WalkRange *range, const uint8_t *prefix, size_t len)
{
    memcpy(range->lower, prefix, len);
    range->lower_len = len;

    /* The first key behind them all: the prefix with its last byte that can be raised raised. */
    while (len > 0 && prefix[len - 1] == UINT8_MAX)
        len--;
    memcpy(range->upper, prefix, len);
    range->upper_len = len;
    if (len > 0)
        range->upper[len - 1]++;
}

void walk_init(Walk *walk, StoreSnapshot *snapshot, const WalkRange *range, bool reverse)
{
    walk->snapshot = snapshot;
    walk->range = range;
    walk->reverse = reverse;
    walk->cursor = NULL;
    walk->rows = 0;
    walk->last_len = 0;
    walk->is_unread = false;
}

void walk_clear(Walk *walk)
{
    if (walk->cursor)
        mdb_cursor_close(walk->cursor);
    walk->cursor = NULL;
}

bool walk_renew_snapshot(StoreSnapshot *snapshot, GError **error)
{
    Store *store = snapshot->store;

    /*
     * While it is not counted as open, the map may be moved: to where other processes have grown
     * it, or by the writer itself, whose batches cannot grow it during the walk that makes them.
     */
    mdb_txn_reset(snapshot->txn);
    store->snapshots--;
    if (snapshot->rest)
        snapshot->rest(snapshot->rest_data);
    bool ok = (store->mode == STORE_READ || store->batch || env_make_room(store, error)) &&
              env_read_renew(store, snapshot->txn, error) &&
              (store->mode == STORE_WRITE || mounts_load(store, snapshot->txn, error));
    store->snapshots++;
    return ok;
}

static int compare(const MDB_val *key, const uint8_t *bytes, size_t len)
{
    int order = memcmp(key->mv_data, bytes, MIN(key->mv_size, len));

    return order != 0 ? order : (key->mv_size > len) - (key->mv_size < len);
}

/* To the first row at or after `bytes`, or, without any bytes, the very first. */
static int seek(Walk *walk, const uint8_t *bytes, size_t len, MDB_val *key, MDB_val *value)
{
    *key = (MDB_val){len, (void *)bytes};
    return mdb_cursor_get(walk->cursor, key, value, len > 0 ? MDB_SET_RANGE : MDB_FIRST);
}

/* To the last row before `bytes`, or, without any bytes, the very last. */
static int seek_before(Walk *walk, const uint8_t *bytes, size_t len, MDB_val *key, MDB_val *value)
{
    int rc = len > 0 ? seek(walk, bytes, len, key, value) : MDB_NOTFOUND;

    return mdb_cursor_get(walk->cursor, key, value, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

/* To where the walk begins, or goes on after an interruption: the last row may be gone by then. */
static int start(Walk *walk, MDB_val *key, MDB_val *value)
{
    const WalkRange *range = walk->range;
    const uint8_t *last = walk->last;

    if (walk->last_len == 0)
        return walk->reverse ? seek_before(walk, range->upper, range->upper_len, key, value)
                             : seek(walk, range->lower, range->lower_len, key, value);

    int rc = seek(walk, last, walk->last_len, key, value);
    bool is_last = rc == 0 && compare(key, last, walk->last_len) == 0;
    if (is_last && walk->is_unread)
        return rc;
    if (walk->reverse)
        return mdb_cursor_get(walk->cursor, key, value, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    return is_last ? mdb_cursor_get(walk->cursor, key, value, MDB_NEXT) : rc;
}

static void set_last(Walk *walk, MDB_val key, bool is_unread)
{
    memcpy(walk->last, key.mv_data, key.mv_size);
    walk->last_len = key.mv_size;
    walk->is_unread = is_unread;
}

void walk_unread(Walk *walk, MDB_val key)
{
    set_last(walk, key, true);
    walk_clear(walk);
}

bool walk_is_rest_due(const StoreSnapshot *snapshot)
{
    return snapshot->is_due && snapshot->is_due(snapshot->rest_data);
}

void walk_renew_next(Walk *walk, MDB_val key)
{
    set_last(walk, key, false);
    walk->rows = walk->snapshot->store->limits.renew_rows;
}

static bool is_in_range(const Walk *walk, const MDB_val *key)
{
    const WalkRange *range = walk->range;

    if (walk->reverse)
        return compare(key, range->lower, range->lower_len) >= 0;
    return range->upper_len == 0 || compare(key, range->upper, range->upper_len) < 0;
}

static bool renew(Walk *walk, GError **error)
{
    walk_clear(walk);
    walk->rows = 0;
    return walk_renew_snapshot(walk->snapshot, error);
}

static bool open_cursor(Walk *walk, GError **error)
{
    Store *store = walk->snapshot->store;
    int rc = mdb_cursor_open(walk->snapshot->txn, store->tables[walk->range->table], &walk->cursor);

    return rc == 0 || env_fail(store, rc, "cannot read store", error);
}

bool walk_next(Walk *walk, bool *ret_found, MDB_val *ret_key, MDB_val *ret_value, GError **error)
{
    Store *store = walk->snapshot->store;
    int rc;

    resident_note(store);
    if (walk->rows >= store->limits.renew_rows && !renew(walk, error))
        return false;
    if (walk->cursor) {
        rc = mdb_cursor_get(walk->cursor, ret_key, ret_value, walk->reverse ? MDB_PREV : MDB_NEXT);
    } else {
        if (!open_cursor(walk, error))
            return false;
        rc = start(walk, ret_key, ret_value);
    }
    if (rc != 0 && rc != MDB_NOTFOUND)
        return env_fail(store, rc, "cannot read store", error);

    *ret_found = rc == 0 && is_in_range(walk, ret_key);
    if (!*ret_found)
        return true;
    walk->rows++;
    /* The key is needed only where the walk is interrupted. */
    if (walk->rows >= store->limits.renew_rows)
        set_last(walk, *ret_key, false);
    return true;
}
