/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: a record per object, the order of the queue, secondary indexes, totals, metrics and
 * the event log, all changed together in one transaction. Only the store includes lmdb.h, and LMDB
 * does not appear in its interface.
 *
 * This header opens, commits and closes, and includes the headers of each topic: objects, queries,
 * metrics, events, memory, upkeep. Jobs are in jobs.h.
 *
 * Writing: by one process (the daemon, under its lock). Changing calls gather in a batch, which the
 * first of them opens. Until store_commit (or until the batch is full, see STORE_BATCH_MAX) other
 * processes see none of the changes, and none is durable. Within a batch the writer's own
 * store_peek sees them. An error of any changing call spoils the batch: the caller has to abort it,
 * and a rescan has to find its changes again (the bucket is the truth).
 *
 * Reading: by any process, at any time, through a snapshot. A `Record` that a call returns borrows
 * its key: it is valid until the snapshot ends or is renewed, or until the next changing call.
 *
 * Errors of all calls: ERROR_NO_SPACE, ERROR_IO, ERROR_STORE (an error of LMDB; the message has the
 * reason), ERROR_STORE_CORRUPT, ERROR_NOT_FOUND (there is no store to read). Keys are as object.h
 * says; the store handles keys that are too long for LMDB.
 */
#pragma once

#include "store/store_events.h"
#include "store/store_memory.h"
#include "store/store_metrics.h"
#include "store/store_objects.h"
#include "store/store_query.h"
#include "store/store_upkeep.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;

typedef enum { STORE_READ, STORE_WRITE } StoreMode;

/*
 * True for a store of an older thumbq that is only read; tables that it lacks count as empty.
 * Opening it for writing converts it.
 */
bool store_is_old(const Store *store);

/*
 * Opens the store in `directory`, relative to `dir_fd`, with the checks of trusted.h. Writing makes
 * a missing folder. Owner: store_close. At most one Store per directory and process.
 */
Store *store_open_at(int dir_fd, const char *directory, StoreMode mode, GError **error);

/* As store_open_at, for a full path. */
Store *store_open(const char *directory, StoreMode mode, GError **error);

/*
 * Opens a store that may be damaged, to read rows of it. LMDB trusts its file: any later call may
 * end the process, or never return. So only a child process may call this. Missing tables count as
 * empty. No process writes to the store. Owner: store_close.
 */
Store *store_open_damaged(int dir_fd, const char *directory, GError **error);

/*
 * True if the names still lead to the folder and the files that are open: no process has removed,
 * moved or replaced the store.
 */
bool store_is_in_place(const Store *store, int dir_fd, const char *directory);

/* Closes the store and aborts an open batch. */
void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

/*
 * Largest number of changes in a batch, so that the disk space of a batch is limited. A full batch
 * is committed before the next change; callers should commit well before that.
 */
#define STORE_BATCH_MAX 2048

/* Returns the number of changes in the open batch; 0 if there is none. */
size_t store_batch_size(const Store *store);

/*
 * Commits the batch and blocks until it is on disk. On error the batch is lost. Returns true
 * without a batch.
 */
bool store_commit(Store *store, GError **error);

/*
 * Sets whether a commit waits for the disk. With false, the kernel decides when and in which order
 * commits reach the disk, and a power cut can damage the store. store_flush waits until all data
 * are on disk.
 */
bool store_set_durable(Store *store, bool durable, GError **error);
bool store_flush(Store *store, GError **error);
void store_abort(Store *store);

typedef struct StoreSnapshot StoreSnapshot;

/*
 * Begins a snapshot. Keep it short: while it is open, freed space is not reused. Owner:
 * store_snapshot_end.
 */
StoreSnapshot *store_snapshot_begin(Store *store, GError **error);
void store_snapshot_end(StoreSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreSnapshot, store_snapshot_end)

/*
 * For callers that send rows to a client that may be slow. `release` is called, with the snapshot
 * released, whenever a query renews the snapshot, and also after each row for which `is_due`
 * returns true.
 */
void store_snapshot_on_release(StoreSnapshot *snapshot, bool (*is_due)(void *data),
                               void (*release)(void *data), void *data);
