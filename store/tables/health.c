/* SPDX-License-Identifier: Apache-2.0 */
/* State of the store's file, and its readers. */
#include "engine/env.h"
#include "engine/snapshot.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The table of free pages has no name; LMDB's own mdb_stat reads it in this way. */
#define TABLE_FREE ((MDB_dbi)0)

/*
 * Counts free pages. Each row lists the pages that one transaction freed: their number, then the
 * pages.
 */
static int count_free_pages(MDB_txn *txn, uint64_t *ret_pages)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t pages = 0;
    int rc = mdb_cursor_open(txn, TABLE_FREE, &cursor);
    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        size_t n = 0;
        if (value.mv_size >= sizeof n)
            memcpy(&n, value.mv_data, sizeof n);
        pages += n;
    }
    mdb_cursor_close(cursor);
    *ret_pages = pages;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

typedef struct {
    unsigned n;
    /* Number of a transaction. */
    size_t oldest;
} Readers;

/* Parses a line of mdb_reader_list: process, thread, transaction. Other lines are headings. */
static int count_reader(const char *line, void *data)
{
    Readers *readers = data;
    size_t thread, transaction;
    int pid;
    if (sscanf(line, "%d %zx %zu", &pid, &thread, &transaction) != 3 || pid == getpid())
        return 0;
    readers->n++;
    readers->oldest = MIN(readers->oldest, transaction);
    return 0;
}

/*
 * Finds the reader of another process with the oldest snapshot; called for each line of LMDB's
 * list.
 */
static int find_oldest(const char *line, void *data)
{
    StoreReader *oldest = data;
    size_t thread, transaction;
    int pid;
    if (sscanf(line, "%d %zx %zu", &pid, &thread, &transaction) != 3 || pid == getpid() ||
        transaction >= oldest->snapshot)
        return 0;
    oldest->pid = pid;
    oldest->snapshot = transaction;
    return 0;
}

bool store_oldest_reader(Store *store, bool *ret_found, StoreReader *ret_reader, GError **error)
{
    StoreReader oldest = {.snapshot = UINT64_MAX};
    MDB_envinfo info;
    int dead;
    int rc = mdb_reader_check(store->env, &dead);
    if (rc == 0)
        rc = mdb_env_info(store->env, &info);
    if (rc != 0)
        return env_fail(store, rc, "cannot list the readers of store", error);
    /* The result is the sum of the results of the calls, which is always 0. */
    (void)mdb_reader_list(store->env, find_oldest, &oldest);
    *ret_found = oldest.snapshot != UINT64_MAX;
    if (!*ret_found)
        return true;
    oldest.lag = info.me_last_txnid - MIN(info.me_last_txnid, oldest.snapshot);
    *ret_reader = oldest;
    return true;
}

bool store_health(StoreSnapshot *snapshot, StoreHealth *ret_health, GError **error)
{
    const Store *store = snapshot->store;
    Readers readers = {.oldest = SIZE_MAX};
    uint64_t free_pages = 0;
    MDB_envinfo info;
    MDB_stat stat;
    int rc = mdb_env_info(store->env, &info);
    if (rc == 0)
        rc = mdb_env_stat(store->env, &stat);
    if (rc == 0)
        rc = count_free_pages(snapshot->txn, &free_pages);
    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    /* The result is the sum of the results of the calls, which is always 0. */
    (void)mdb_reader_list(store->env, count_reader, &readers);
    *ret_health = (StoreHealth){
        .file_bytes = (int64_t)(info.me_last_pgno + 1) * stat.ms_psize,
        .free_bytes = (int64_t)free_pages * stat.ms_psize,
        .readers = readers.n,
        .lag = readers.n > 0 && info.me_last_txnid > readers.oldest
                   ? info.me_last_txnid - readers.oldest
                   : 0,
        .dead_readers = (unsigned)store->dead_readers,
    };
    return true;
}
