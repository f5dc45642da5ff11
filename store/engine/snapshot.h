/* SPDX-License-Identifier: Apache-2.0 */
/* A read transaction that lasts for several calls. Private to the store. */
#pragma once

#include "engine/env.h"

struct StoreSnapshot {
    Store *store;
    MDB_txn *txn;
    /* See store_snapshot_on_release; or NULL. */
    bool (*is_due)(void *data);
    void (*release)(void *data);
    void *release_data;
};

/* True if the owner of the snapshot asks to release it (store_snapshot_on_release). */
bool snapshot_is_release_due(const StoreSnapshot *snapshot);

/* Renews the snapshot. No row of it may be in use. */
bool snapshot_renew(StoreSnapshot *snapshot, GError **error);
