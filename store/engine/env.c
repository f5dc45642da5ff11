/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/env.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool env_fail_corrupt(const Store *store, const char *what, GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT,
                "store '%s' is damaged: %s; remove it, "
                "it is rebuilt from the bucket",
                store->directory, what);
    return false;
}

bool env_fail(const Store *store, int rc, const char *what, GError **error)
{
    switch (rc) {
    case MDB_CORRUPTED:
    case MDB_INVALID:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return env_fail_corrupt(store, mdb_strerror(rc), error);
    case ENOMEM:
        break;
    default:
        if (rc > 0) {
            error_set_errno(error, rc, what, store->directory);
            return false;
        }
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_STORE, "%s '%s': %s", what, store->directory,
                mdb_strerror(rc));
    return false;
}

bool env_fail_broken(const Store *store, GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_STORE, "store '%s' has failed and must be opened again",
                store->directory);
    return false;
}

/* Resizes the map. No other function does; this may move the map to another address. */
static int set_map_size(Store *store, size_t size)
{
    store->map_moves++;
    return mdb_env_set_mapsize(store->env, size);
}

/* Tries to repair the reason for which a read transaction could not begin; false if it cannot. */
static bool repair_read(Store *store, int rc)
{
    int dead;

    switch (rc) {
    case MDB_MAP_RESIZED:
        return store->snapshots == 0 && set_map_size(store, 0) == 0;
    case MDB_READERS_FULL:
        return mdb_reader_check(store->env, &dead) == 0;
    default:
        return false;
    }
}

int env_begin(Store *store, unsigned flags, MDB_txn **ret_txn)
{
    int rc = mdb_txn_begin(store->env, NULL, flags, ret_txn);

    if (rc != 0 && repair_read(store, rc))
        rc = mdb_txn_begin(store->env, NULL, flags, ret_txn);
    return rc;
}

bool env_read_begin(Store *store, MDB_txn **ret_txn, GError **error)
{
    if (store->is_broken)
        return env_fail_broken(store, error);

    int rc = env_begin(store, MDB_RDONLY, ret_txn);
    return rc == 0 || env_fail(store, rc, "cannot read store", error);
}

bool env_read_renew(Store *store, MDB_txn *txn, GError **error)
{
    if (store->is_broken)
        return env_fail_broken(store, error);

    int rc = mdb_txn_renew(txn);
    if (rc != 0 && repair_read(store, rc))
        rc = mdb_txn_renew(txn);
    return rc == 0 || env_fail(store, rc, "cannot read store", error);
}

bool env_get(Store *store, MDB_txn *txn, Table table, MDB_val key, bool *ret_found,
             MDB_val *ret_value, GError **error)
{
    int rc = store->tables[table] == TABLE_LACKING
                 ? MDB_NOTFOUND
                 : mdb_get(txn, store->tables[table], &key, ret_value);

    if (rc != 0 && rc != MDB_NOTFOUND)
        return env_fail(store, rc, "cannot read store", error);
    *ret_found = rc == 0;
    return true;
}

bool env_cursor(Store *store, MDB_txn *txn, Table table, MDB_cursor **ret_cursor, GError **error)
{
    MDB_cursor *cursor = NULL;
    int rc = store->tables[table] == TABLE_LACKING
                 ? 0
                 : mdb_cursor_open(txn, store->tables[table], &cursor);

    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    *ret_cursor = cursor;
    return true;
}

/* More bytes than can be free where a write stopped half way. */
#define PROBE_BYTES (1 << 20)

int env_write_error(const Store *store, int rc)
{
    struct stat st;
    int fd;

    /* The size is above RLIMIT_FSIZE. */
    if (rc == EFBIG)
        return ENOSPC;
    if (rc != EIO || mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &st) != 0)
        return rc;
    if (fallocate(fd, 0, st.st_size, PROBE_BYTES) == 0) {
        /*
         * There is room, so the disk itself has failed. The added end of the file holds nothing and
         * does no harm if it stays.
         */
        (void)!ftruncate(fd, st.st_size);
        return rc;
    }
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ENOSPC;
    default:
        return rc;
    }
}

bool env_make_room(Store *store, GError **error)
{
    MDB_envinfo info;
    MDB_stat stat;

    if (store->is_broken)
        return env_fail_broken(store, error);
    /* Growing moves the map, and snapshots point into it. A later batch grows it. */
    if (store->snapshots > 0)
        return true;
    /* These fail only without an environment. */
    (void)mdb_env_info(store->env, &info);
    (void)mdb_env_stat(store->env, &stat);

    size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    size_t size = info.me_mapsize;
    while (size < used + store->limits.headroom_bytes)
        size *= 2;
    /*
     * A batch that did not fit is repeated by the caller; a larger map keeps it from failing for
     * ever.
     */
    if (store->is_map_full && size == info.me_mapsize)
        size *= 2;
    if (size == info.me_mapsize)
        return true;
    store->is_map_full = false;

    int rc = set_map_size(store, size);
    /* LMDB has already unmapped the old map. */
    store->is_broken = rc != 0;
    return rc == 0 || env_fail(store, rc, "cannot enlarge store", error);
}
