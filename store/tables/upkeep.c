/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/upkeep.h"

#include "engine/batch.h"
#include "engine/env.h"
#include "engine/free_pages.h"
#include "tables/events.h"
#include "tables/retention.h"

/*
 * Rows of each kind that one call deletes: one slice of the daemon's loop, and less than a batch.
 */
#define SLICE 1000

bool upkeep_measure(Store *store, int64_t *ret_file_bytes, int64_t *ret_free_bytes, GError **error)
{
    MDB_envinfo info;
    MDB_stat stat;
    MDB_txn *txn;
    size_t free_pages = 0;

    /* A transaction of its own: the free list must not be read within a batch. */
    if (!env_read_begin(store, &txn, error))
        return false;
    bool ok = free_pages_count(store, txn, &free_pages, error);
    mdb_txn_abort(txn);
    if (!ok)
        return false;
    /* These fail only without an environment. */
    (void)mdb_env_info(store->env, &info);
    (void)mdb_env_stat(store->env, &stat);
    *ret_file_bytes = (int64_t)((info.me_last_pgno + 1) * stat.ms_psize);
    *ret_free_bytes = (int64_t)(free_pages * stat.ms_psize);
    return true;
}

bool upkeep_is_due(int64_t file_bytes, int64_t free_bytes, int64_t min_free_bytes)
{
    return min_free_bytes > 0 && free_bytes >= min_free_bytes && free_bytes * 2 >= file_bytes;
}

/* Counts the rows that all slices together would delete. */
static bool count(Store *store, int64_t now_us, StoreUpkeep *upkeep, GError **error)
{
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = retention_count_metrics(store, txn, now_us, &upkeep->metrics, error) &&
              events_count_old(store, txn, now_us, &upkeep->events, error);
    view_end(store);
    return ok;
}

/* Deletes one slice of the events and metrics that are older than they are kept. */
static bool drop(Store *store, int64_t now_us, StoreUpkeep *upkeep, bool *ret_more, GError **error)
{
    uint64_t events, metrics;

    if (!batch_begin(store, error) ||
        !retention_drop_metrics(store, now_us, SLICE, &metrics, error) ||
        !events_drop_old(store, now_us, SLICE, &events, error))
        return false;
    upkeep->events += events;
    upkeep->metrics += metrics;
    store->batch_size += (size_t)MIN(events + metrics, SLICE);
    *ret_more = events + metrics > 0;
    return true;
}

bool store_upkeep(Store *store, int64_t now_us, bool dry_run, StoreUpkeep *upkeep, bool *ret_more,
                  GError **error)
{
    int readers = 0;

    *ret_more = false;
    if (!(dry_run ? count(store, now_us, upkeep, error)
                  : drop(store, now_us, upkeep, ret_more, error)))
        return false;

    int rc = dry_run ? 0 : mdb_reader_check(store->env, &readers);
    if (rc != 0)
        return env_fail(store, rc, "cannot list the readers of store", error);
    upkeep->readers += (unsigned)readers;
    return upkeep_measure(store, &upkeep->file_bytes, &upkeep->free_bytes, error);
}
