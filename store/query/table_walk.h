/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks over a range of a table's keys in either direction. The walk renews its snapshot every few
 * thousand rows and continues behind the last key. Pointers into a row are valid until the next
 * call.
 */
#pragma once

#include "engine/keys.h"
#include "engine/tables.h"
#include "store/store.h"

#include <lmdb.h>

/* Both limits in bytes; `lower` is included, `upper` is not. */
typedef struct {
    Table table;
    uint8_t lower[KEY_MAX];
    /* 0: from the first row. */
    size_t lower_len;
    uint8_t upper[KEY_MAX];
    /* 0: to the last row. */
    size_t upper_len;
} TableRange;

/* Sets both limits to the keys that begin with `prefix`. */
void table_range_set_prefix(TableRange *range, const uint8_t *prefix, size_t len);

typedef struct {
    StoreSnapshot *snapshot;
    /* Borrowed. */
    const TableRange *range;
    bool reverse;
    MDB_cursor *cursor;
    /* Number of rows since the snapshot was renewed. */
    unsigned rows;
    uint8_t last[KEY_MAX];
    /* 0: before the first row. */
    size_t last_len;
    /* The last row is to be returned again. */
    bool is_unread;
} TableWalk;

/* Prepares a walk; the first table_walk_next opens it. Owner: table_walk_clear. */
void table_walk_init(TableWalk *walk, StoreSnapshot *snapshot, const TableRange *range,
                     bool reverse);

/* Starts behind this key, or before it in a reverse walk. Must be called before the first row. */
void table_walk_begin_behind(TableWalk *walk, const uint8_t *key, size_t len);
void table_walk_clear(TableWalk *walk);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TableWalk, table_walk_clear)

/* Returns the next row; *ret_found is false at the end. */
bool table_walk_next(TableWalk *walk, bool *ret_found, MDB_val *ret_key, MDB_val *ret_value,
                     GError **error);

/* Makes table_walk_next return the last row again; the snapshot may be renewed in between. */
void table_walk_unread(TableWalk *walk, MDB_val key);

/* Makes table_walk_next renew the snapshot. `key`: that of the last row. */
void table_walk_renew_next(TableWalk *walk, MDB_val key);
