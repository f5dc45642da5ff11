/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/batch.h"

#include "engine/env.h"
#include "engine/resident.h"
#include "engine/stage.h"
#include "engine/whole.h"

#include "base/failpoint.h"
#include "base/pack.h"

#include <errno.h>
#include <string.h>

/* Next id and next sequencer, u64 each. */
#define COUNTERS_LEN 16

/*
 * Number of commits between checks for dead readers, whose snapshots keep old pages from being used
 * again.
 */
#define COMMITS_PER_CHECK 64

static const char counters_name[] = "counters";
static const MDB_val counters_key = {sizeof counters_name - 1, (void *)counters_name};

bool batch_load_counters(Store *store, MDB_txn *txn, GError **error)
{
    MDB_val value;
    bool found;

    if (!env_get(store, txn, TABLE_META, counters_key, &found, &value, error))
        return false;
    if (!found) {
        store->next_id = 1;
        store->next_sequencer = 1;
        return true;
    }
    if (value.mv_size != COUNTERS_LEN)
        return env_fail_corrupt(store, "it has no counters", error);

    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    store->next_id = unpack_u64(&unpacker);
    store->next_sequencer = unpack_u64(&unpacker);
    return true;
}

static bool write_counters(Store *store, GError **error)
{
    uint8_t bytes[COUNTERS_LEN];
    Packer packer = {.data = bytes, .max = sizeof bytes};

    pack_u64(&packer, store->next_id);
    pack_u64(&packer, store->next_sequencer);
    return batch_put(store, TABLE_META, counters_key, (MDB_val){sizeof bytes, bytes}, 0, error);
}

static bool open_batch(Store *store, GError **error)
{
    if (!env_make_room(store, error))
        return false;

    int rc = mdb_txn_begin(store->env, NULL, 0, &store->batch);
    return rc == 0 || env_fail(store, rc, "cannot write store", error);
}

bool batch_begin(Store *store, GError **error)
{
    if (store->batch_failed) {
        g_set_error(error, THUMBQ_ERROR, ERROR_STORE,
                    "an earlier change in the batch of store '%s' failed", store->directory);
        return false;
    }
    if (store_batch_size(store) >= store->limits.batch_max && !store_commit(store, error))
        return false;
    return store->batch || open_batch(store, error);
}

void batch_hold_key(Store *store, Record *record)
{
    memmove(store->key, record->key, strlen(record->key) + 1);
    record->key = store->key;
}

bool batch_begin_for(Store *store, Record *record, GError **error)
{
    batch_hold_key(store, record);
    return batch_begin(store, error);
}

static bool fail_batch(Store *store, int rc, GError **error)
{
    store->batch_failed = true;
    store->is_map_full |= rc == MDB_MAP_FULL;
    if (rc == MDB_NOTFOUND || rc == MDB_KEYEXIST)
        return env_fail_corrupt(store, "its tables do not agree", error);
    return env_fail(store, rc, "cannot write store", error);
}

bool batch_put(Store *store, Table table, MDB_val key, MDB_val value, unsigned flags,
               GError **error)
{
    resident_count_use(store);
    int rc = mdb_put(store->batch, store->tables[table], &key, &value, flags);
    return rc == 0 || fail_batch(store, rc, error);
}

bool batch_delete(Store *store, Table table, MDB_val key, GError **error)
{
    resident_count_use(store);
    int rc = mdb_del(store->batch, store->tables[table], &key, NULL);
    return rc == 0 || fail_batch(store, rc, error);
}

size_t store_batch_size(const Store *store)
{
    return store->batch_size;
}

/* Resets the state of the batch after its transaction has ended. */
static void clear_batch(Store *store, bool is_committed)
{
    store->batch = NULL;
    store->batch_size = 0;
    store->batch_failed = false;
    store->changed_us = 0;
    stage_clear_all(store, is_committed);
}

/* Commits the batch. After an I/O error the store is broken until it is opened again. */
static bool commit_batch(Store *store, GError **error)
{
    FAILPOINT_HERE("store.commit.before");
    int rc = env_write_error(store, mdb_txn_commit(store->batch));
    FAILPOINT_HERE("store.commit.after");
    if (rc == 0)
        /* If this fails, the next writer does it. */
        (void)whole_extend(store);

    clear_batch(store, rc == 0);
    store->is_map_full |= rc == MDB_MAP_FULL;
    /* After an I/O error LMDB's state in memory may differ from the disk. */
    if (rc == EIO || rc == MDB_PANIC)
        store->is_broken = true;
    return rc == 0 || env_fail(store, rc, "cannot write store", error);
}

bool store_commit(Store *store, GError **error)
{
    if (store_batch_size(store) == 0 && !store->batch)
        return true;
    if (!store->batch && !open_batch(store, error))
        return false;
    if (store->batch_failed) {
        store_abort(store);
        g_set_error(error, THUMBQ_ERROR, ERROR_STORE,
                    "an earlier change in the batch of store '%s' failed", store->directory);
        return false;
    }
    if (!stage_flush_all(store, error) || !write_counters(store, error)) {
        store_abort(store);
        return false;
    }
    if (!commit_batch(store, error))
        return false;

    int dead;
    if (++store->commits % COMMITS_PER_CHECK == 0)
        /* A failure only delays the check. */
        (void)mdb_reader_check(store->env, &dead);
    return true;
}

bool store_set_durable(Store *store, bool durable, GError **error)
{
    int rc = mdb_env_set_flags(store->env, MDB_NOSYNC, !durable);
    return rc == 0 || env_fail(store, rc, "cannot set up store", error);
}

bool store_flush(Store *store, GError **error)
{
    int rc = FAILPOINT("store.flush", mdb_env_sync(store->env, 1));
    return rc == 0 || env_fail(store, rc < 0 ? EIO : rc, "cannot write store", error);
}

void store_abort(Store *store)
{
    if (store->batch)
        mdb_txn_abort(store->batch);
    clear_batch(store, false);
}

bool view_begin(Store *store, MDB_txn **ret_txn, GError **error)
{
    resident_count_use(store);
    if (store->batch) {
        *ret_txn = store->batch;
        return true;
    }
    bool ok = store->reader ? env_read_renew(store, store->reader, error)
                            : env_read_begin(store, &store->reader, error);
    if (ok)
        *ret_txn = store->reader;
    return ok;
}

void view_end(Store *store)
{
    /*
     * A read transaction without a batch ends here; its data stay in place until the next commit.
     */
    if (!store->batch)
        mdb_txn_reset(store->reader);
}
