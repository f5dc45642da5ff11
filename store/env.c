/* SPDX-License-Identifier: Apache-2.0 */
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define READERS_MAX 510 /* processes and snapshots that read at once */

/*
 * Room for a batch. A change touches at most some 30 pages of 4 KiB that no other change of its
 * batch does: the leaves of 7 tables, old place and new, an upper page for some of them, and twice
 * the overflow pages of a record and an event with the longest key. 2048 of them fit into the
 * headroom, which is also less than the 131,071 dirty pages at which LMDB starts to spill.
 */
const StoreLimits store_default_limits = {
    .map_bytes = (size_t)1 << 30,
    .headroom_bytes = (size_t)256 << 20,
    .batch_max = STORE_BATCH_MAX,
    .events_max = STORE_EVENTS_MAX,
    .renew_rows = 4096,
    .selection_max = 1 << 20,
    .resident_bytes = RESIDENT_BYTES,
};

static const char *const table_names[TABLES] = {
    [TABLE_META] = "meta",
    [TABLE_OBJECTS] = "objects",
    [TABLE_QUEUE] = "queue",
    [TABLE_BY_STATE] = "by_state",
    [TABLE_BY_DATE] = "by_date",
    [TABLE_BY_SIZE] = "by_size",
    [TABLE_BY_TYPE] = "by_type",
    [TABLE_TOTALS] = "totals",
    [TABLE_METRICS] = "metrics",
    [TABLE_EVENTS] = "events",
    [TABLE_EVENTS_BY_OBJECT] = "events_by_object",
    [TABLE_RUNS] = "runs",
    [TABLE_JOBS] = "jobs",
};

/* ---- errors -------------------------------------------------------------------------------------
 */

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

static bool fail_broken(const Store *store, GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_STORE,
                "store '%s' failed before and must be opened anew", store->directory);
    return false;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

/* The one way the map grows: it may lie elsewhere after that. */
static int set_map_size(Store *store, size_t size)
{
    resident_forget_map(store);
    return mdb_env_set_mapsize(store->env, size);
}

/* Mends what kept a read transaction from beginning. False if that cannot be mended. */
static bool mend_read(Store *store, int rc)
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

bool env_read_begin(Store *store, MDB_txn **ret_txn, GError **error)
{
    if (store->is_broken)
        return fail_broken(store, error);

    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, ret_txn);
    if (rc != 0 && mend_read(store, rc))
        rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, ret_txn);
    return rc == 0 || env_fail(store, rc, "cannot read store", error);
}

bool env_read_renew(Store *store, MDB_txn *txn, GError **error)
{
    if (store->is_broken)
        return fail_broken(store, error);

    int rc = mdb_txn_renew(txn);
    if (rc != 0 && mend_read(store, rc))
        rc = mdb_txn_renew(txn);
    return rc == 0 || env_fail(store, rc, "cannot read store", error);
}

bool env_get(Store *store, MDB_txn *txn, Table table, MDB_val key, bool *ret_found,
             MDB_val *ret_value, GError **error)
{
    int rc = mdb_get(txn, store->tables[table], &key, ret_value);

    if (rc != 0 && rc != MDB_NOTFOUND)
        return env_fail(store, rc, "cannot read store", error);
    *ret_found = rc == 0;
    return true;
}

/* ---- the disk -----------------------------------------------------------------------------------
 */

/* More than what is left where a write came to a stop. */
#define PROBE_BYTES (1 << 20)

int env_write_error(const Store *store, int rc)
{
    struct stat st;
    int fd;

    if (rc == EFBIG) /* RLIMIT_FSIZE */
        return ENOSPC;
    if (rc != EIO || mdb_env_get_fd(store->env, &fd) != 0 || fstat(fd, &st) != 0)
        return rc;
    if (fallocate(fd, 0, st.st_size, PROBE_BYTES) == 0) {
        /* There is room, so it was the disk itself. The end holds nothing yet, and may also stay.
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

/* ---- the map ------------------------------------------------------------------------------------
 */

bool env_make_room(Store *store, GError **error)
{
    MDB_envinfo info;
    MDB_stat stat;

    if (store->is_broken)
        return fail_broken(store, error);
    /* Growing moves the map, and a snapshot points into it: then the next batch grows. */
    if (store->snapshots > 0)
        return true;
    (void)mdb_env_info(store->env, &info); /* fail only without an environment */
    (void)mdb_env_stat(store->env, &stat);

    size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    size_t size = info.me_mapsize;
    while (size < used + store->limits.headroom_bytes)
        size *= 2;
    /* A batch that did not fit comes again, and must not fail for ever. */
    if (store->is_map_full && size == info.me_mapsize)
        size *= 2;
    if (size == info.me_mapsize)
        return true;
    store->is_map_full = false;

    int rc = set_map_size(store, size);
    /* LMDB has given up the old map by then. */
    store->is_broken = rc != 0;
    return rc == 0 || env_fail(store, rc, "cannot enlarge store", error);
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static bool open_env(Store *store, GError **error)
{
    unsigned flags = MDB_NOTLS | (store->mode == STORE_READ ? MDB_RDONLY : 0);
    int rc = mdb_env_create(&store->env);

    if (rc == 0)
        rc = mdb_env_set_maxdbs(store->env, TABLES);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(store->env, READERS_MAX);
    if (rc == 0 && store->mode == STORE_WRITE)
        rc = mdb_env_set_mapsize(store->env, store->limits.map_bytes);
    /* On a read-only file system LMDB does without its lock file by itself. */
    if (rc == 0)
        rc = mdb_env_open(store->env, store->lmdb_path, flags, 0600);
    if (rc != 0)
        return env_fail(store, rc, "cannot open store", error);
    /* Readers that were killed would keep old pages from being used again. */
    rc = mdb_reader_check(store->env, &store->dead_readers);
    if (rc != 0)
        return env_fail(store, rc, "cannot open store", error);
    return whole_check(store, error);
}

/* A store that `is_old`, and only read, may lack tables. */
static bool open_table(Store *store, MDB_txn *txn, Table table, bool is_old, GError **error)
{
    unsigned flags = store->mode == STORE_WRITE ? MDB_CREATE : 0;
    int rc = mdb_dbi_open(txn, table_names[table], flags, &store->tables[table]);

    if (rc == MDB_NOTFOUND && table == TABLE_META) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "store '%s' is empty", store->directory);
        return false;
    }
    if (rc == MDB_NOTFOUND && is_old) {
        store->tables[table] = TABLE_LACKING;
        return true;
    }
    if (rc == MDB_NOTFOUND)
        return env_fail_corrupt(store, "a table is missing", error);
    return rc == 0 || env_fail(store, rc, "cannot open store", error);
}

static const char schema_name[] = "schema";
static const MDB_val schema_key = {sizeof schema_name - 1, (void *)schema_name};

/* The store's version; 0 for one that is being made. */
static bool read_schema(Store *store, MDB_txn *txn, uint32_t *ret_version, GError **error)
{
    MDB_val value;
    uint32_t version = 0;
    bool found = false;

    if (!env_get(store, txn, TABLE_META, schema_key, &found, &value, error))
        return false;
    if (found ? value.mv_size != sizeof version : store->mode == STORE_READ)
        return env_fail_corrupt(store, "it has no version", error);
    if (found)
        memcpy(&version, value.mv_data, sizeof version);
    *ret_version = GUINT32_FROM_LE(version);
    return true;
}

static bool write_schema(Store *store, MDB_txn *txn, GError **error)
{
    uint32_t version = GUINT32_TO_LE(SCHEMA_VERSION);
    MDB_val key = schema_key, value = {sizeof version, &version};
    int rc = mdb_put(txn, store->tables[TABLE_META], &key, &value, 0);

    return rc == 0 || env_fail(store, rc, "cannot write store", error);
}

/* One that is older and may be written is brought up to date; all that may only be read are not. */
static bool check_schema(const Store *store, uint32_t version, GError **error)
{
    if (version > SCHEMA_VERSION) {
        g_set_error(error, THUMBQ_ERROR, ERROR_STORE,
                    "store '%s' has version %u, this thumbq knows version %d: use a newer thumbq, "
                    "or remove the store, it is rebuilt from the bucket",
                    store->directory, version, SCHEMA_VERSION);
        return false;
    }
    if (version < SCHEMA_VERSION && store->mode == STORE_READ && !store->any_schema) {
        g_set_error(error, THUMBQ_ERROR, ERROR_STORE,
                    "store '%s' has version %u of an older thumbq; 'thumbq run' brings it to "
                    "version %d: restart it if it is running",
                    store->directory, version, SCHEMA_VERSION);
        return false;
    }
    return true;
}

/* Tables, in the form of today. */
static bool open_tables(Store *store, MDB_txn *txn, GError **error)
{
    uint32_t version;

    if (!open_table(store, txn, TABLE_META, false, error) ||
        !read_schema(store, txn, &version, error) || !check_schema(store, version, error))
        return false;
    for (Table table = TABLE_META + 1; table < TABLES; table++) {
        if (!open_table(store, txn, table, version < SCHEMA_VERSION, error))
            return false;
    }
    if (version == SCHEMA_VERSION || store->mode == STORE_READ)
        return true;
    return (version == 0 || convert_from(store, txn, version, error)) &&
           write_schema(store, txn, error);
}

/* All tables are made, or converted, in one transaction: a store has all of them or is not there.
 */
static bool open_content(Store *store, GError **error)
{
    unsigned flags = store->mode == STORE_READ ? MDB_RDONLY : 0;
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, flags, &txn);

    if (rc != 0 && mend_read(store, rc))
        rc = mdb_txn_begin(store->env, NULL, flags, &txn);
    if (rc != 0)
        return env_fail(store, rc, "cannot open store", error);
    if (!open_tables(store, txn, error) || !batch_load_counters(store, txn, error) ||
        !mounts_load(store, txn, error)) {
        mdb_txn_abort(txn);
        return false;
    }
    rc = mdb_txn_commit(txn);
    if (rc == 0 && store->mode == STORE_WRITE)
        (void)whole_extend(store); /* else the next commit does it */
    return rc == 0 || env_fail(store, rc, "cannot open store", error);
}

static Store *open_store(int dir_fd, const char *directory, StoreMode mode, bool any_schema,
                         const StoreLimits *limits, GError **error)
{
    g_autoptr(Store) store = g_new0(Store, 1);

    store->folder_fd = -1;
    store->mode = mode;
    store->any_schema = any_schema;
    store->resident.statm_fd = -1;
    store->limits = *limits;
    store->retention = store_default_retention;
    store->retention.events_max = limits->events_max;
    store->buffer = g_byte_array_new();
    store->claims = claims_new();
    store->totals = totals_table_new();
    store->metrics = metrics_table_new();
    store->mounts = mounts_new();
    if (!place_open(store, dir_fd, directory, error))
        return NULL;
    resident_open(store);
    if (!open_env(store, error) || !open_content(store, error))
        return NULL;
    place_remember(store);
    return g_steal_pointer(&store);
}

Store *store_open_with_limits(const char *directory, StoreMode mode, const StoreLimits *limits,
                              GError **error)
{
    return open_store(AT_FDCWD, directory, mode, false, limits, error);
}

Store *env_open_any_schema(int dir_fd, const char *directory, GError **error)
{
    return open_store(dir_fd, directory, STORE_READ, true, &store_default_limits, error);
}

Store *store_open_at(int dir_fd, const char *directory, StoreMode mode, GError **error)
{
    return open_store(dir_fd, directory, mode, false, &store_default_limits, error);
}

Store *store_open(const char *directory, StoreMode mode, GError **error)
{
    return store_open_at(AT_FDCWD, directory, mode, error);
}

void store_close(Store *store)
{
    if (!store)
        return;
    store_abort(store);
    if (store->reader)
        mdb_txn_abort(store->reader);
    if (store->env)
        mdb_env_close(store->env);
    resident_close(store);
    place_close(store);
    g_byte_array_unref(store->buffer);
    claims_free(store->claims);
    g_hash_table_unref(store->totals);
    g_hash_table_unref(store->metrics);
    mounts_free(store->mounts);
    g_free(store->directory);
    g_free(store);
}

/* ---- snapshots ----------------------------------------------------------------------------------
 */

StoreSnapshot *store_snapshot_begin(Store *store, GError **error)
{
    MDB_txn *txn;

    if (!env_read_begin(store, &txn, error))
        return NULL;
    if (store->mode == STORE_READ && !mounts_load(store, txn, error)) {
        mdb_txn_abort(txn);
        return NULL;
    }

    StoreSnapshot *snapshot = g_new(StoreSnapshot, 1);
    *snapshot = (StoreSnapshot){.store = store, .txn = txn};
    store->snapshots++;
    return snapshot;
}

void store_snapshot_on_rest(StoreSnapshot *snapshot, bool (*is_due)(void *data),
                            void (*rest)(void *data), void *data)
{
    snapshot->is_due = is_due;
    snapshot->rest = rest;
    snapshot->rest_data = data;
}

void store_snapshot_end(StoreSnapshot *snapshot)
{
    if (!snapshot)
        return;
    mdb_txn_abort(snapshot->txn);
    snapshot->store->snapshots--;
    g_free(snapshot);
}
