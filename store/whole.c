/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the store's file is all there. LMDB counts the pages that a commit has taken from the end
 * of the file, but does not write those that the same commit has given back: the file may end
 * before the last page that counts. That is no damage, since nothing is in those pages.
 */
#include "store_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A commit of another process, between its end and the end of the file: not longer than this. */
#define TRIES  10
#define TRY_US 2000

typedef struct {
    int fd;
    int64_t bytes;   /* that the file has */
    int64_t counted; /* that it should have */
    int64_t page_size;
} Extent;

static bool read_extent(Store *store, Extent *ret_extent, GError **error)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat st;
    int fd;

    (void)mdb_env_info(store->env, &info); /* fail only without an environment */
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
    const MDB_dbi free_list = 0; /* as LMDB has it: transaction -> number of pages, pages */
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
    Extent extent;

    if (!read_extent(store, &extent, NULL) || extent.bytes >= extent.counted)
        return 0;
    return ftruncate(extent.fd, extent.counted) == 0 ? 0 : errno;
}

bool whole_check(Store *store, GError **error)
{
    Extent extent;

    for (int i = 0; i < TRIES; i++) {
        if (!read_extent(store, &extent, error))
            return false;
        if (extent.bytes >= extent.counted)
            return true;
        if (store->mode == STORE_WRITE || store->any_schema)
            break;
        g_usleep(TRY_US);
    }
    /* Whoever only reads leaves it at that: to read behind the end of a file is death. */
    bool may_look = store->mode == STORE_WRITE ? whole_extend(store) == 0 : store->any_schema;
    return (may_look && end_is_free(store, &extent)) ||
           env_fail_corrupt(store, "the file has been cut short", error);
}
