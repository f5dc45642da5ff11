/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over a range of a table's keys, in either direction, that renews its snapshot every few
 * thousand rows and goes on behind the last key it gave. What a row borrows is valid until the next
 * call.
 */
#pragma once

#include "store_internal.h"

/* Both ends: bytes; `lower` included, `upper` not. */
typedef struct {
    Table table;
    uint8_t lower[KEY_MAX];
    size_t lower_len; /* 0: from the first row */
    uint8_t upper[KEY_MAX];
    size_t upper_len; /* 0: to the last row */
} WalkRange;

/* Sets both ends to the keys that begin with `prefix`. */
void walk_range_set_prefix(WalkRange *range, const uint8_t *prefix, size_t len);

typedef struct {
    StoreSnapshot *snapshot;
    const WalkRange *range; /* borrowed */
    bool reverse;
    MDB_cursor *cursor;
    unsigned rows; /* since the snapshot was renewed */
    uint8_t last[KEY_MAX];
    size_t last_len; /* 0: before the first row */
    bool is_unread;  /* the last row is to be given again */
} Walk;

/* Nothing is opened before the first row. Owner: walk_clear. */
void walk_init(Walk *walk, StoreSnapshot *snapshot, const WalkRange *range, bool reverse);
void walk_clear(Walk *walk);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

/* The next row; *ret_found false at the end. */
bool walk_next(Walk *walk, bool *ret_found, MDB_val *ret_key, MDB_val *ret_value, GError **error);

/* Puts the row just given back, to be given again; until then the snapshot may be renewed. */
void walk_unread(Walk *walk, MDB_val key);

/* True if the snapshot's holder wants it to rest (store_snapshot_on_rest). */
bool walk_is_rest_due(const StoreSnapshot *snapshot);

/* Has the snapshot renewed before the next row. `key`: of the row given last. */
void walk_renew_next(Walk *walk, MDB_val key);

/* Begins the snapshot anew. No walk over it may have a row in use. */
bool walk_renew_snapshot(StoreSnapshot *snapshot, GError **error);
