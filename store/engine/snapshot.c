/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/snapshot.h"

#include "engine/stage.h"

StoreSnapshot *store_snapshot_begin(Store *store, GError **error)
{
    MDB_txn *txn;

    if (!env_read_begin(store, &txn, error))
        return NULL;
    if (store->mode == STORE_READ && !stage_load_all(store, txn, error)) {
        mdb_txn_abort(txn);
        return NULL;
    }

    StoreSnapshot *snapshot = g_new(StoreSnapshot, 1);
    *snapshot = (StoreSnapshot){.store = store, .txn = txn};
    store->snapshots++;
    return snapshot;
}

void store_snapshot_on_release(StoreSnapshot *snapshot, bool (*is_due)(void *data),
                               void (*release)(void *data), void *data)
{
    snapshot->is_due = is_due;
    snapshot->release = release;
    snapshot->release_data = data;
}

void store_snapshot_end(StoreSnapshot *snapshot)
{
    if (!snapshot)
        return;
    mdb_txn_abort(snapshot->txn);
    snapshot->store->snapshots--;
    g_free(snapshot);
}

bool snapshot_is_release_due(const StoreSnapshot *snapshot)
{
    return snapshot->is_due && snapshot->is_due(snapshot->release_data);
}

bool snapshot_renew(StoreSnapshot *snapshot, GError **error)
{
    Store *store = snapshot->store;

    /*
     * While the snapshot does not count as open, the map may move: because other processes have
     * grown it, or because the writer's own batches need room during a long walk.
     */
    mdb_txn_reset(snapshot->txn);
    store->snapshots--;
    if (snapshot->release)
        snapshot->release(snapshot->release_data);
    bool ok = (store->mode == STORE_READ || store->batch || env_make_room(store, error)) &&
              env_read_renew(store, snapshot->txn, error) &&
              (store->mode == STORE_WRITE || stage_load_all(store, snapshot->txn, error));
    store->snapshots++;
    return ok;
}
