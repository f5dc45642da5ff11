/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store's modules share: the open environment and its tables. Only store/ includes it.
 *
 * Layers, each knowing those before it: env (environment, map, read transactions), batch (the
 * write transaction), objects (one record changes with all that is derived from it; totals,
 * metrics, events), state (what changes a record and how), query (walks for readers).
 */
#pragma once

#include "jobs.h"
#include "keys.h"
#include "mounts.h"
#include "resident.h"
#include "store.h"
#include "store_limits.h"

#include <lmdb.h>
#include <sys/stat.h>

#define SCHEMA_VERSION 3

/* One LMDB database each; keys and values are told in README.md. */
typedef enum {
    TABLE_META,
    TABLE_OBJECTS,
    TABLE_QUEUE,
    TABLE_BY_STATE,
    TABLE_BY_DATE,
    TABLE_BY_SIZE,
    TABLE_BY_TYPE,
    TABLE_TOTALS,
    TABLE_METRICS,
    TABLE_EVENTS,
    TABLE_EVENTS_BY_OBJECT,
    TABLE_RUNS,
    TABLE_JOBS,
    TABLES,
} Table;

/* What of the map counts in this process; see resident.h. */
typedef struct {
    int statm_fd;       /* -1: not looked at */
    unsigned uses;      /* of tables */
    size_t other_pages; /* of files, that are not of the map: as of the last time it was let go */
    void *map;          /* NULL: not known where */
    size_t map_len;     /* bytes */
} Resident;

/* In place of a table that an older store does not have. */
#define TABLE_LACKING ((MDB_dbi)-1)

typedef struct Claims Claims;

struct Store {
    char *directory;      /* its path, for messages */
    int folder_fd;        /* of that folder */
    char lmdb_path[32];   /* the same, as LMDB is told */
    struct stat files[2]; /* of place.c: which files were opened */
    StoreMode mode;
    bool any_schema; /* an older one may be read as well */
    StoreLimits limits;
    MDB_env *env;
    MDB_dbi tables[TABLES];
    MDB_txn *reader;    /* the writer's own, reset between uses */
    unsigned snapshots; /* open now: the map must stay where it is */
    int dead_readers;   /* found, and cleared, when it was opened */
    bool is_map_full;   /* a batch did not fit into the map */
    bool is_broken;     /* the environment is not to be trusted any more */
    Resident resident;

    /* The batch. */
    MDB_txn *batch;
    size_t batch_size; /* changes, without the claims */
    Claims *claims;
    bool batch_failed;
    uint64_t next_id, next_sequencer;
    GHashTable *totals;  /* what the batch adds to each group, see totals.c */
    GHashTable *metrics; /* what it adds to each minute, see metrics.c */
    Mounts *mounts;      /* below the bucket; of a reader, as of its last snapshot */
    int64_t changed_us;  /* wall clock of its latest change; 0: of none that said */
    unsigned commits;
    GByteArray *buffer;           /* for encoding, emptied before each use */
    char key[OBJECT_KEY_MAX + 1]; /* of the object being changed */

    StoreRetention retention;
    const Rendition *renditions; /* borrowed */
    size_t n_renditions;
};

struct StoreSnapshot {
    Store *store;
    MDB_txn *txn;
    /* store_snapshot_on_rest; or NULL */
    bool (*is_due)(void *data);
    void (*rest)(void *data);
    void *rest_data;
};

/* ---- env ----------------------------------------------------------------------------------------
 */

/* Sets the error an LMDB code stands for. Returns false. */
bool env_fail(const Store *store, int rc, const char *what, GError **error);
bool env_fail_corrupt(const Store *store, const char *what, GError **error);

/* Opens a store for reading, whatever older thumbq has made it: to look through records and
 * indexes.
 */
Store *env_open_any_schema(int dir_fd, const char *directory, GError **error);

/* Begin, or renew, a read transaction; copes with a map that another process grew and with full
 * reader slots. */
bool env_read_begin(Store *store, MDB_txn **ret_txn, GError **error);
bool env_read_renew(Store *store, MDB_txn *txn, GError **error);

/*
 * What the code of a commit that failed means. LMDB has EIO for a write that came to a stop half
 * way, as one does on a full disk: then this is ENOSPC.
 */
int env_write_error(const Store *store, int rc);

/*
 * Doubles the map until there is headroom for a batch, and once more after one that did not fit. No
 * batch is open.
 */
bool env_make_room(Store *store, GError **error);

/* *ret_value: borrowed from the transaction. */
bool env_get(Store *store, MDB_txn *txn, Table table, MDB_val key, bool *ret_found,
             MDB_val *ret_value, GError **error);

/* ---- place --------------------------------------------------------------------------------------
 */

/* Opens the folder and looks at what is in it. Errors: those of trusted.h; ERROR_NOT_FOUND. */
bool place_open(Store *store, int dir_fd, const char *directory, GError **error);

/* To be called when LMDB has opened its files: which they are. */
void place_remember(Store *store);
void place_close(Store *store);

/* ---- whole --------------------------------------------------------------------------------------
 */

/*
 * Whether the file has all pages that count, or those that it lacks are free: a file that has been
 * cut short would be a SIGBUS later. One that is opened for writing is extended; for store_check,
 * which has a process of its own, the free list is read from the file as it is.
 */
bool whole_check(Store *store, GError **error);

/* After a commit: gives the file the length that counts. An errno, or 0. */
int whole_extend(Store *store);

/* ---- batch --------------------------------------------------------------------------------------
 */

/* Opens the batch if there is none, after committing one that is full. */
bool batch_begin(Store *store, GError **error);

/*
 * The same for a change of the record of `key`. That may be borrowed from the store, and is not
 * valid after this any more: store->key holds it from here on.
 */
bool batch_begin_for(Store *store, const char *key, GError **error);

/* Change a table; an error marks the batch as failed. `flags` as mdb_put. */
bool batch_put(Store *store, Table table, MDB_val key, MDB_val value, unsigned flags,
               GError **error);
bool batch_delete(Store *store, Table table, MDB_val key, GError **error);

/* The next id and sequencer as they are stored. */
bool batch_load_counters(Store *store, MDB_txn *txn, GError **error);

/* What the writer sees: the batch, or else its read transaction. view_end before the next
 * view_begin. */
bool view_begin(Store *store, MDB_txn **ret_txn, GError **error);
void view_end(Store *store);

/* ---- objects ------------------------------------------------------------------------------------
 */

/* The record of a key. Its own key is borrowed from the transaction. */
bool objects_get(Store *store, MDB_txn *txn, const char *key, bool *ret_found, Record *ret_record,
                 GError **error);

/* The record that an index row names; there must be one. */
bool objects_get_row(Store *store, MDB_txn *txn, MDB_val row, Record *ret_record, GError **error);

/* Decodes a row of the table itself. */
bool objects_decode(const Store *store, MDB_val value, Record *ret_record, GError **error);

/*
 * The one way a record changes: from `old` (NULL: there was none) to `new` (NULL: none any more),
 * with the queue, every index and the totals. Counts as one change of the batch. Neither key may
 * lie in the database.
 */
bool objects_change(Store *store, const Record *old, const Record *new, GError **error);

/* The key of a record in an index table, which may hold it or not: see objects.c. */
typedef struct {
    uint8_t bytes[KEY_INDEX_MAX];
    size_t len; /* 0: the index does not hold the record */
} IndexKey;

IndexKey index_key_queue(const Record *record);
IndexKey index_key_state(const Record *record);
IndexKey index_key_date(const Record *record);
IndexKey index_key_size(const Record *record);
IndexKey index_key_type(const Record *record);

/* ---- claims -------------------------------------------------------------------------------------
 */

Claims *claims_new(void);
void claims_clear(Claims *claims);
void claims_free(Claims *claims);

/* Objects that are running, which is not written down yet. */
size_t claims_count(const Claims *claims);

bool claims_has(const Claims *claims, const char *key);

/* Forgets that the object is claimed; false if it was not, or that has been written down. */
bool claims_take(Store *store, const char *key);

/* Writes down that it is running, if it is claimed: opens the batch. */
bool claims_write(Store *store, const char *key, GError **error);

/* The same with all of them. The batch is open. */
bool claims_write_all(Store *store, GError **error);

/* As store_peek, but a claim that is not written down does not show. */
bool state_peek(Store *store, const char *key, bool *ret_found, Record *ret_record, GError **error);

/* ---- totals -------------------------------------------------------------------------------------
 */

GHashTable *totals_table_new(void);

/* Takes `old` (or nothing) out of the batch's totals and puts `new` (or nothing) in. */
void totals_change(Store *store, const Record *old, const Record *new);

/* Writes what the batch has gathered. */
bool totals_flush(Store *store, GError **error);

/* Objects in a group as the snapshot sees it. */
bool totals_objects(StoreSnapshot *snapshot, StoreBy by, const char *group, uint64_t *ret_objects,
                    GError **error);

/* Objects in a state as `txn` sees it; of the batch, what has been flushed. */
bool totals_state(Store *store, MDB_txn *txn, ObjectState state, uint64_t *ret_objects,
                  GError **error);

/*
 * Objects on the days that overlap the time from *since_us up to *until_us (NULL: no such end);
 * *ret_objects stays as it is when there are more than `max_days` of them.
 */
bool totals_count_days(StoreSnapshot *snapshot, const int64_t *since_us, const int64_t *until_us,
                       unsigned max_days, uint64_t *ret_objects, GError **error);

/* ---- metrics ------------------------------------------------------------------------------------
 */

GHashTable *metrics_table_new(void);

/* Writes what the batch has measured; after the totals, which it reads. */
bool metrics_flush(Store *store, GError **error);

/* ---- dates --------------------------------------------------------------------------------------
 */

/* True if the index of dates, and the totals of days and months, go by the local zone. */
bool dates_are_local(StoreSnapshot *snapshot, bool *ret_are, GError **error);

/* ---- retention ----------------------------------------------------------------------------------
 */

extern const StoreRetention store_default_retention;

/* Drops a few rows of metrics that are too old. */
bool metrics_prune(Store *store, GError **error);

/* Drops what is too old at `now_us`, `max` rows of each span at the most, within the batch. */
bool retention_drop_metrics(Store *store, int64_t now_us, uint64_t max, uint64_t *ret_dropped,
                            GError **error);

/* How many rows retention_drop_metrics would drop. */
bool retention_count_metrics(Store *store, MDB_txn *txn, int64_t now_us, uint64_t *ret_n,
                             GError **error);

/* ---- upkeep -------------------------------------------------------------------------------------
 */

/* Bytes of the store's file, and how many of them are in pages that hold nothing. */
bool upkeep_measure(Store *store, int64_t *ret_file_bytes, int64_t *ret_free_bytes, GError **error);

/* True if half of the file is free, and no less than `min_free_bytes`, which is not 0. */
bool upkeep_is_worth_it(int64_t file_bytes, int64_t free_bytes, int64_t min_free_bytes);

/* ---- convert ------------------------------------------------------------------------------------
 */

/* Brings the tables of a store of schema `version` to today's, within the transaction. False for
 * one that is not known. */
bool convert_from(Store *store, MDB_txn *txn, uint32_t version, GError **error);

/* ---- jobs ---------------------------------------------------------------------------------------
 */

/* Counts that an object has left a job, or has become part of one. */
bool jobs_change(Store *store, const Record *old, const Record *new, GError **error);

/* Any bytes are a job, but for its id, or none: then false. */
bool jobs_decode(const void *row, size_t len, StoreJob *ret_job);

/* ---- state --------------------------------------------------------------------------------------
 */

/*
 * As store_requeue; with a `job` the object is marked as its own, also one that is running.
 * *ret_changed false if there is nothing to change.
 */
bool state_requeue(Store *store, const char *key, Priority priority, uint32_t job, int64_t now_us,
                   bool *ret_found, bool *ret_changed, GError **error);

/* ---- events -------------------------------------------------------------------------------------
 */

/* Writes the row for record->sequencer. */
bool events_append(Store *store, StoreEventType type, const Record *record, ErrorCode code,
                   int64_t now_us, GError **error);

/* Drops some of the oldest rows that are too many or too old. */
bool events_prune(Store *store, GError **error);

/* The same, `max` at the most; and how many there are. */
bool events_drop_old(Store *store, int64_t now_us, uint64_t max, uint64_t *ret_dropped,
                     GError **error);
bool events_count_old(Store *store, MDB_txn *txn, int64_t now_us, uint64_t *ret_n, GError **error);

/* ---- query --------------------------------------------------------------------------------------
 */

/* What a filter says of names alone. Pure. */
bool filter_matches_name(const StoreFilter *filter, const char *key);

/* Visits what the filter selects, in no order. */
bool query_walk(StoreSnapshot *snapshot, const StoreFilter *filter, StoreVisit visit, void *data,
                GError **error);
