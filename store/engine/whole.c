/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that the store's file is complete. LMDB counts the pages that a commit has taken from the
 * end of the file, but does not write pages that the same commit has freed. So the file may end
 * before the last counted page. This is no damage: these pages hold nothing.
 */
#include "engine/whole.h"

#include "engine/env.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest wait for another process that has committed and is about to extend the file. */
#define TRIES  10
#define TRY_US 2000

typedef struct {
    int fd;
    /* Bytes of the file. */
    int64_t bytes;
    /* Bytes that LMDB counts. */
    int64_t counted;
    int64_t page_size;
} Extent;

/* Reads how long the file is, and how long it has to be for its pages. */
static bool read_extent(Store *store, Extent *ret_extent, GError **error)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat st;
    int fd;

    /* These fail only without an environment. */
    (void)mdb_env_info(store->env, &info);
    (void)mdb_env_stat(store->env, &stat);
    (void)mdb_env_get_fd(store->env, &fd);
    if (fstat(fd, &st) != 0)
        return env_fail(store, errno, "cannot read store", error);
    *ret_extent = (Extent){.fd = fd,
                           .bytes = st.st_size,
                           .counted = (int64_t)((info.me_last_pgno + 1) * stat.ms_psize),
                           .page_size = stat.ms_psize};
    return true;
}

/* True if all pages from `first` up to `end` are free. */
static bool pages_are_free(MDB_txn *txn, size_t first, size_t end)
{
    /* LMDB's table of free pages: transaction -> number of pages, pages. */
    const MDB_dbi free_list = 0;
    MDB_cursor *cursor;
    MDB_val key, value;
    size_t found = 0;

    if (mdb_cursor_open(txn, free_list, &cursor) != 0)
        return false;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        for (size_t at = sizeof(size_t); at + sizeof(size_t) <= value.mv_size;
             at += sizeof(size_t)) {
            size_t page;
            memcpy(&page, (const char *)value.mv_data + at, sizeof page);
            found += page >= first && page < end;
        }
    }
    mdb_cursor_close(cursor);
    return found == end - first;
}

/* Checks that the pages which the file lacks at its end are not in use. */
static bool end_is_free(Store *store, const Extent *extent)
{
    MDB_txn *txn;

    if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0)
        return false;
    bool are_free = pages_are_free(txn, (size_t)(extent->bytes / extent->page_size),
                                   (size_t)(extent->counted / extent->page_size));
    mdb_txn_abort(txn);
    return are_free;
}

int whole_extend(Store *store)
{
    Extent extent = {0};

    if (!read_extent(store, &extent, NULL) || extent.bytes >= extent.counted)
        return 0;
    return ftruncate(extent.fd, extent.counted) == 0 ? 0 : errno;
}

bool whole_check(Store *store, GError **error)
{
    Extent extent = {0};

    for (int i = 0; i < TRIES; i++) {
        if (!read_extent(store, &extent, error))
            return false;
        if (extent.bytes >= extent.counted)
            return true;
        if (store->mode == STORE_WRITE || store->is_alone)
            break;
        g_usleep(TRY_US);
    }
    /*
     * A process that only reads does not check the pages: reading behind the end of the file would
     * kill it.
     */
    bool may_check = store->mode == STORE_WRITE ? whole_extend(store) == 0 : store->is_alone;
    return (may_check && end_is_free(store, &extent)) ||
           env_fail_corrupt(store, "the file has been cut short", error);
}
