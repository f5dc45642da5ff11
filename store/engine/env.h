/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open environment: errors, read transactions, the map. All other modules of the store are
 * built on it. Private to the store.
 */
#pragma once

#include "engine/store_limits.h"
#include "engine/tables.h"
#include "store/store.h"

#include <lmdb.h>
#include <sys/stat.h>

typedef struct Claims Claims;
typedef struct Mounts Mounts;
typedef struct Resident Resident;
typedef struct Schema Schema;
typedef struct Wanted Wanted;

/* See tables/filling.h. */
typedef struct {
    bool goes_on;
    /* The times when the store was made; 0: not known. The first one is by the clock of files. */
    int64_t made_ns, wall_us, boot_us;
    /* The wall clock when the clocks were read last in this batch; 0: they were not read in it. */
    int64_t read_ns;
    /* No clock was set since the store was made, as the clocks showed at `read_ns`. */
    bool is_steady;
} Filling;

struct Store {
    const Schema *schema;
    /* Path of the store's folder, for messages. */
    char *directory;
    /* Descriptor of that folder. */
    int folder_fd;
    /* Path of that folder through the descriptor, as LMDB gets it. */
    char lmdb_path[32];
    /* Identity of the files that were opened, see store_folder.c. */
    struct stat files[2];
    StoreMode mode;
    /* No other process writes: the caller holds the daemon's lock. */
    bool is_alone;
    /* As much as possible is read: see store_open_damaged. */
    bool is_damaged;
    /* The store is only read and has the schema of an older thumbq. */
    bool is_old;
    StoreLimits limits;
    MDB_env *env;
    MDB_dbi tables[TABLES];
    /* Read transaction of the writer, reset between uses. */
    MDB_txn *reader;
    /* Number of open snapshots; while there are any, the map must not move. */
    unsigned snapshots;
    /* Number of times that the map has moved since the store was opened. */
    unsigned map_moves;
    /* Number of dead readers that were cleared when the store was opened. */
    int dead_readers;
    /* A batch did not fit into the map. */
    bool is_map_full;
    /* The environment cannot be used any more. */
    bool is_broken;

    /* State of the batch. */
    MDB_txn *batch;
    /* Number of changes. */
    size_t batch_size;
    bool batch_failed;
    /* See store_hold_backfill. */
    bool holds_backfill;
    uint64_t next_id, next_sequencer;
    Filling filling;
    /* Wall clock of the batch's latest change; 0: no change had a time. */
    int64_t changed_us;
    unsigned commits;
    /* Buffer for encoding, cleared before each use. */
    GByteArray *buffer;
    /* Key of the object that is being changed. */
    char key[OBJECT_KEY_MAX + 1];

    /* State of other modules; each belongs to its module alone. */
    Resident *resident;
    Claims *claims;
    /* Changes of the batch to each group, see totals.c. */
    GHashTable *totals;
    /* Values that the batch adds to each minute, see metric_rows.c. */
    GHashTable *metrics;
    Mounts *mounts;
    /* See object_state.c. */
    Wanted *wanted;
    StoreRetention *retention;
};

/* Sets the error of an LMDB code. Returns false. */
bool env_fail(const Store *store, int rc, const char *what, GError **error);
bool env_fail_corrupt(const Store *store, const char *what, GError **error);

/* As env_fail, and reports that the store cannot be used any more. */
bool env_fail_broken(const Store *store, GError **error);

/*
 * Begins a transaction. Handles a map that another process has grown, and full reader slots.
 * `flags`: as mdb_txn_begin. Returns the code of mdb_txn_begin.
 */
int env_begin(Store *store, unsigned flags, MDB_txn **ret_txn);

/* Begin, or renew, a read transaction. */
bool env_read_begin(Store *store, MDB_txn **ret_txn, GError **error);
bool env_read_renew(Store *store, MDB_txn *txn, GError **error);

/*
 * Opens a cursor on a table. *ret_cursor is NULL if an older store lacks the table, which then
 * counts as empty.
 */
bool env_cursor(Store *store, MDB_txn *txn, Table table, MDB_cursor **ret_cursor, GError **error);

/*
 * Translates the code of a commit that failed. LMDB reports EIO for a write that stopped half way,
 * which usually means a full disk; that becomes ENOSPC.
 */
int env_write_error(const Store *store, int rc);

/*
 * Doubles the map until a batch fits, and once more after a batch that did not fit. Must be called
 * without a batch.
 */
bool env_make_room(Store *store, GError **error);

/* Reads a row. *ret_value is borrowed from the transaction. */
bool env_get(Store *store, MDB_txn *txn, Table table, MDB_val key, bool *ret_found,
             MDB_val *ret_value, GError **error);
