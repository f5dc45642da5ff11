/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stage.h"

#include "engine/env.h"

void stage_init_all(Store *store)
{
    for (size_t i = 0; i < store->schema->n_stages; i++) {
        if (store->schema->stages[i].init)
            store->schema->stages[i].init(store);
    }
}

bool stage_load_all(Store *store, MDB_txn *txn, GError **error)
{
    for (size_t i = 0; i < store->schema->n_stages; i++) {
        const Stage *stage = &store->schema->stages[i];
        if (stage->load && !stage->load(store, txn, error))
            return false;
    }
    return true;
}

bool stage_flush_all(Store *store, GError **error)
{
    for (size_t i = 0; i < store->schema->n_stages; i++) {
        const Stage *stage = &store->schema->stages[i];
        if (stage->flush && !stage->flush(store, error))
            return false;
    }
    return true;
}

void stage_clear_all(Store *store, bool is_committed)
{
    for (size_t i = 0; i < store->schema->n_stages; i++) {
        if (store->schema->stages[i].clear)
            store->schema->stages[i].clear(store, is_committed);
    }
}

void stage_free_all(Store *store)
{
    for (size_t i = 0; i < store->schema->n_stages; i++) {
        if (store->schema->stages[i].free)
            store->schema->stages[i].free(store);
    }
}
