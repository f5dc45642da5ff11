/* SPDX-License-Identifier: Apache-2.0 */
#include "query/table_walk.h"

#include "engine/env.h"
#include "engine/resident.h"
#include "engine/snapshot.h"

#include <string.h>

void table_range_set_prefix(TableRange *range, const uint8_t *prefix, size_t len)
{
    memcpy(range->lower, prefix, len);
    range->lower_len = len;

    /*
     * The first key behind the prefix: its last byte below 255 is raised by one, and the rest is
     * cut off.
     */
    while (len > 0 && prefix[len - 1] == UINT8_MAX)
        len--;
    memcpy(range->upper, prefix, len);
    range->upper_len = len;
    if (len > 0)
        range->upper[len - 1]++;
}

void table_walk_init(TableWalk *walk, StoreSnapshot *snapshot, const TableRange *range,
                     bool reverse)
{
    walk->snapshot = snapshot;
    walk->range = range;
    walk->reverse = reverse;
    walk->cursor = NULL;
    walk->rows = 0;
    walk->last_len = 0;
    walk->is_unread = false;
}

void table_walk_begin_behind(TableWalk *walk, const uint8_t *key, size_t len)
{
    memcpy(walk->last, key, len);
    walk->last_len = len;
}

void table_walk_clear(TableWalk *walk)
{
    if (walk->cursor)
        mdb_cursor_close(walk->cursor);
    walk->cursor = NULL;
}

static int compare(const MDB_val *key, const uint8_t *bytes, size_t len)
{
    int order = memcmp(key->mv_data, bytes, MIN(key->mv_size, len));

    return order != 0 ? order : (key->mv_size > len) - (key->mv_size < len);
}

/* Moves to the first row at or after `bytes`, or without bytes to the first row of all. */
static int seek(TableWalk *walk, const uint8_t *bytes, size_t len, MDB_val *key, MDB_val *value)
{
    *key = (MDB_val){len, (void *)bytes};
    return mdb_cursor_get(walk->cursor, key, value, len > 0 ? MDB_SET_RANGE : MDB_FIRST);
}

/* Moves to the last row before `bytes`, or without bytes to the last row of all. */
static int seek_before(TableWalk *walk, const uint8_t *bytes, size_t len, MDB_val *key,
                       MDB_val *value)
{
    int rc = len > 0 ? seek(walk, bytes, len, key, value) : MDB_NOTFOUND;

    return mdb_cursor_get(walk->cursor, key, value, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

/*
 * Moves to the start of the walk, or behind the last row after an interruption; that row may have
 * been removed.
 */
static int start(TableWalk *walk, MDB_val *key, MDB_val *value)
{
    const TableRange *range = walk->range;
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

static void set_last(TableWalk *walk, MDB_val key, bool is_unread)
{
    memcpy(walk->last, key.mv_data, key.mv_size);
    walk->last_len = key.mv_size;
    walk->is_unread = is_unread;
}

void table_walk_unread(TableWalk *walk, MDB_val key)
{
    set_last(walk, key, true);
    table_walk_clear(walk);
}

void table_walk_renew_next(TableWalk *walk, MDB_val key)
{
    set_last(walk, key, false);
    walk->rows = walk->snapshot->store->limits.renew_rows;
}

static bool is_in_range(const TableWalk *walk, const MDB_val *key)
{
    const TableRange *range = walk->range;

    if (walk->reverse)
        return compare(key, range->lower, range->lower_len) >= 0;
    return range->upper_len == 0 || compare(key, range->upper, range->upper_len) < 0;
}

/* Renews the snapshot in the middle of the walk, so that the store can use old pages again. */
static bool renew(TableWalk *walk, GError **error)
{
    table_walk_clear(walk);
    walk->rows = 0;
    return snapshot_renew(walk->snapshot, error);
}

static bool open_cursor(TableWalk *walk, GError **error)
{
    Store *store = walk->snapshot->store;

    return env_cursor(store, walk->snapshot->txn, walk->range->table, &walk->cursor, error);
}

bool table_walk_next(TableWalk *walk, bool *ret_found, MDB_val *ret_key, MDB_val *ret_value,
                     GError **error)
{
    Store *store = walk->snapshot->store;
    int rc;

    resident_count_use(store);
    if (walk->rows >= store->limits.renew_rows && !renew(walk, error))
        return false;
    if (walk->cursor) {
        rc = mdb_cursor_get(walk->cursor, ret_key, ret_value, walk->reverse ? MDB_PREV : MDB_NEXT);
    } else {
        if (!open_cursor(walk, error))
            return false;
        rc = walk->cursor ? start(walk, ret_key, ret_value) : MDB_NOTFOUND;
    }
    if (rc != 0 && rc != MDB_NOTFOUND)
        return env_fail(store, rc, "cannot read store", error);

    *ret_found = rc == 0 && is_in_range(walk, ret_key);
    if (!*ret_found)
        return true;
    walk->rows++;
    /* The last key is needed only when the snapshot is renewed. */
    if (walk->rows >= store->limits.renew_rows)
        set_last(walk, *ret_key, false);
    return true;
}
