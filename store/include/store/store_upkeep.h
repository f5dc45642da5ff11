/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maintenance of the store: retention times, free space in the file, readers, and a consistency
 * check.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;
typedef struct StoreSnapshot StoreSnapshot;

/*
 * Reads the whole store and checks its consistency. LMDB trusts the file, so a damaged file may end
 * the process: call this in a process of its own. Errors: ERROR_STORE_CORRUPT, ERROR_NOT_FOUND, as
 * store_open.
 */
bool store_check(const char *directory, GError **error);

/* How much is kept; a time of 0 means for ever. */
typedef struct {
    /* Rows of the event log. */
    uint64_t events_max;
    /* Age of events. */
    int64_t events_us;
    /* Age of metrics by the minute. */
    int64_t minutes_us;
    /* Age of metrics by the hour; metrics by the day are always kept. */
    int64_t hours_us;
} StoreRetention;

/* Applies to the commits from now on. Default: 100,000 events, 15 days, 455 days. */
void store_set_retention(Store *store, const StoreRetention *retention);

/* Rows and readers that upkeep has deleted, or would delete. */
typedef struct {
    /* Number of deleted rows. */
    uint64_t events;
    /* Number of deleted rows. */
    uint64_t metrics;
    /* Number of cleared readers, whose processes died while they read. */
    unsigned readers;
    /* Bytes of the store's file now. */
    int64_t file_bytes, free_bytes;
} StoreUpkeep;

/*
 * Deletes one slice of the data that are older than their retention. Call it again, with commits in
 * between, while *ret_more is true. Clears dead readers. Adds to `upkeep`, which is all zero at
 * first. With `dry_run` nothing is changed, and everything that would be deleted is counted at
 * once.
 */
bool store_upkeep(Store *store, int64_t now_us, bool dry_run, StoreUpkeep *upkeep, bool *ret_more,
                  GError **error);

typedef struct {
    /*
     * True if compaction is worth it: half of the file is free, and at least the requested number
     * of bytes.
     */
    bool is_due;
    int64_t before_bytes, after_bytes, free_bytes;
} StoreCompaction;

/*
 * Writes the store anew without the free space in its file, if at least `min_free_bytes` are free
 * and compaction is worth it; 0: never. The caller holds the daemon's lock and has not opened the
 * store. Other processes may read it meanwhile and continue to read the old file. After a crash or
 * an error the old or the new store is in place. Needs disk space for both. Blocks: about a second
 * per GiB. Errors: as store_open; ERROR_NO_SPACE; further ones if the file system cannot exchange
 * two folders.
 */
bool store_compact(int dir_fd, const char *directory, int64_t min_free_bytes,
                   StoreCompaction *ret_compaction, GError **error);

typedef struct {
    /* Bytes in use at the end of the last batch. */
    int64_t file_bytes;
    /* Bytes in free pages, which are used before the file grows. */
    int64_t free_bytes;
    /* Number of snapshots that other processes have open. */
    unsigned readers;
    /*
     * Number of batches since the oldest snapshot; the pages that these freed cannot be used yet.
     */
    uint64_t lag;
    /* Readers of processes that died; cleared when this process opened the store. */
    unsigned dead_readers;
} StoreHealth;

/* Another process that holds a snapshot. */
typedef struct {
    int pid;
    /* Identifies the snapshot; stays the same while it is open. */
    uint64_t snapshot;
    /* Number of batches since the snapshot. */
    uint64_t lag;
} StoreReader;

/*
 * Clears dead readers and finds the reader with the oldest snapshot. *ret_found is false if no
 * other process has one. For the writer.
 */
bool store_oldest_reader(Store *store, bool *ret_found, StoreReader *ret_reader, GError **error);

/* Reads the state of the file and its readers; changes nothing. */
bool store_health(StoreSnapshot *snapshot, StoreHealth *ret_health, GError **error);
