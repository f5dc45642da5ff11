/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "base/error.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/resident.h"
#include "engine/stage.h"
#include "engine/store_folder.h"
#include "engine/whole.h"

#include <string.h>

/* Limit of processes and snapshots that read at the same time. */
#define READERS_MAX 510

/* Opens the LMDB environment of the store. */
static bool open_env(Store *store, GError **error)
{
    unsigned flags = MDB_NOTLS | (store->mode == STORE_READ ? MDB_RDONLY : 0) |
                     (store->is_damaged ? MDB_NOLOCK : 0);
    int rc = mdb_env_create(&store->env);

    if (rc == 0)
        rc = mdb_env_set_maxdbs(store->env, TABLES);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(store->env, READERS_MAX);
    if (rc == 0 && store->mode == STORE_WRITE)
        rc = mdb_env_set_mapsize(store->env, store->limits.map_bytes);
    /* On a read-only file system LMDB does without its lock file. */
    if (rc == 0)
        rc = mdb_env_open(store->env, store->lmdb_path, flags, 0600);
    if (rc != 0)
        return env_fail(store, rc, "cannot open store", error);
    /* Dead readers would keep old pages from being used again. */
    rc = mdb_reader_check(store->env, &store->dead_readers);
    if (rc != 0)
        return env_fail(store, rc, "cannot open store", error);
    return store->is_damaged || whole_check(store, error);
}

/* Opens a table. A store that is only read `may_lack` tables; they count as empty. */
static bool open_table(Store *store, MDB_txn *txn, Table table, bool may_lack, GError **error)
{
    unsigned flags = store->mode == STORE_WRITE ? MDB_CREATE : 0;
    int rc = mdb_dbi_open(txn, store->schema->table_names[table], flags, &store->tables[table]);

    if (rc == MDB_NOTFOUND && table == TABLE_META) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "store '%s' is empty", store->directory);
        return false;
    }
    if (rc == MDB_NOTFOUND && may_lack) {
        store->tables[table] = TABLE_LACKING;
        return true;
    }
    if (rc == MDB_NOTFOUND)
        return env_fail_corrupt(store, "a table is missing", error);
    return rc == 0 || env_fail(store, rc, "cannot open store", error);
}

static const char schema_name[] = "schema";
static const MDB_val schema_key = {sizeof schema_name - 1, (void *)schema_name};

/* Reads the version of the store's schema; 0 for a new store. */
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
    uint32_t version = GUINT32_TO_LE(store->schema->version);
    MDB_val key = schema_key, value = {sizeof version, &version};
    int rc = mdb_put(txn, store->tables[TABLE_META], &key, &value, 0);

    return rc == 0 || env_fail(store, rc, "cannot write store", error);
}

static bool check_schema(const Store *store, uint32_t version, GError **error)
{
    uint32_t newest = store->schema->version;

    if (version > newest) {
        g_set_error(error, THUMBQ_ERROR, ERROR_STORE,
                    "store '%s' has version %u, this thumbq knows version %u: use a newer thumbq, "
                    "or remove the store, it is rebuilt from the bucket",
                    store->directory, version, newest);
        return false;
    }
    return true;
}

/*
 * Opens the tables and converts an older store. An older store that is only read is not converted.
 */
static bool open_tables(Store *store, MDB_txn *txn, GError **error)
{
    uint32_t newest = store->schema->version;
    uint32_t version = 0;

    if (!open_table(store, txn, TABLE_META, false, error) ||
        !read_schema(store, txn, &version, error) || !check_schema(store, version, error))
        return false;
    for (Table table = TABLE_META + 1; table < TABLES; table++) {
        if (!open_table(store, txn, table, version < newest || store->is_damaged, error))
            return false;
    }
    store->is_old = version < newest && store->mode == STORE_READ;
    if (version < store->schema->metrics_version && store->is_old && !store->is_alone)
        store->tables[TABLE_METRICS] = TABLE_LACKING;
    if (version == newest || store->mode == STORE_READ)
        return true;
    return (version == 0 || store->schema->convert(store, txn, version, error)) &&
           write_schema(store, txn, error);
}

/* Makes or converts all tables in one transaction, so that a store has all of them or none. */
static bool open_content(Store *store, GError **error)
{
    unsigned flags = store->mode == STORE_READ ? MDB_RDONLY : 0;
    MDB_txn *txn;
    int rc = env_begin(store, flags, &txn);

    if (rc != 0)
        return env_fail(store, rc, "cannot open store", error);
    if (!open_tables(store, txn, error) || !batch_load_counters(store, txn, error) ||
        (!store->is_damaged && !stage_load_all(store, txn, error))) {
        mdb_txn_abort(txn);
        return false;
    }
    rc = mdb_txn_commit(txn);
    if (rc == 0 && store->mode == STORE_WRITE)
        /* If this fails, the next commit does it. */
        (void)whole_extend(store);
    return rc == 0 || env_fail(store, rc, "cannot open store", error);
}

Store *engine_open(const Schema *schema, int dir_fd, const char *directory, StoreMode mode,
                   EngineUse use, const StoreLimits *limits, GError **error)
{
    g_autoptr(Store) store = g_new0(Store, 1);

    store->schema = schema;
    store->folder_fd = -1;
    store->mode = mode;
    store->is_alone = use != ENGINE_SHARED;
    store->is_damaged = use == ENGINE_DAMAGED;
    store->limits = *limits;
    store->buffer = g_byte_array_new();
    stage_init_all(store);
    if (!store_folder_open(store, dir_fd, directory, error))
        return NULL;
    resident_open(store);
    if (!open_env(store, error) || !open_content(store, error))
        return NULL;
    store_folder_record_files(store);
    return g_steal_pointer(&store);
}

bool store_is_old(const Store *store)
{
    return store->is_old;
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
    stage_free_all(store);
    g_free(store->directory);
    g_free(store);
}
