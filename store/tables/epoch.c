/* SPDX-License-Identifier: Apache-2.0 */
/* Table meta, key "epoch", value: u64; key "predecessor", value: the name as bytes. */
#include "store/epoch.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/snapshot.h"
#include "tables/filling.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static const char epoch_key_text[] = "epoch";

static MDB_val epoch_key(void)
{
    return (MDB_val){sizeof epoch_key_text - 1, (void *)(uintptr_t)epoch_key_text};
}

static bool read_epoch(Store *store, MDB_txn *txn, uint64_t *ret_epoch, GError **error)
{
    MDB_val value;
    bool found;

    if (!env_get(store, txn, TABLE_META, epoch_key(), &found, &value, error))
        return false;
    *ret_epoch = 0;
    if (!found)
        return true;
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    *ret_epoch = unpack_u64(&unpacker);
    return !unpacker.failed || env_fail_corrupt(store, "its epoch cannot be read", error);
}

bool store_get_epoch(StoreSnapshot *snapshot, uint64_t *ret_epoch, GError **error)
{
    return read_epoch(snapshot->store, snapshot->txn, ret_epoch, error);
}

/* Reads the epoch, 0 if there is none, and the time of filling. */
static bool read_both(Store *store, uint64_t *ret_epoch, GError **error)
{
    MDB_txn *txn;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = read_epoch(store, txn, ret_epoch, error) && filling_load(store, txn, error);
    view_end(store);
    return ok;
}

bool store_make_epoch(Store *store, GError **error)
{
    uint64_t epoch = 0;
    uint8_t row[8];
    Packer packer = {.data = row, .max = sizeof row};

    if (!read_both(store, &epoch, error))
        return false;
    if (epoch != 0)
        return true;
    while (epoch == 0) {
        if (getrandom(&epoch, sizeof epoch, 0) != sizeof epoch && errno != EINTR) {
            error_set_errno(error, errno, "cannot make an epoch for", store->directory);
            return false;
        }
    }
    pack_u64(&packer, epoch);
    if (!batch_begin(store, error) ||
        !batch_put(store, TABLE_META, epoch_key(), (MDB_val){packer.len, row}, 0, error))
        return false;
    store->batch_size++;
    /* A store of an older thumbq gets an epoch when it has records already. */
    if (store->next_id > 1)
        return true;
    /* The events of a store that was there before have smaller sequencers, unless the clock was set
     * back: a consumer can order the events of both. */
    if (store->next_sequencer == 1)
        store->next_sequencer = (uint64_t)MAX(clock_wall_us(), 1);
    return filling_begin(store, error);
}

bool store_follow(Store *store, uint64_t last, GError **error)
{
    if (!batch_begin(store, error))
        return false;
    store->next_sequencer = MAX(store->next_sequencer, last + 1);
    store->batch_size++;
    return true;
}

static const char predecessor_key_text[] = "predecessor";

static MDB_val predecessor_key(void)
{
    return (MDB_val){sizeof predecessor_key_text - 1, (void *)(uintptr_t)predecessor_key_text};
}

bool store_set_predecessor(Store *store, const char *name, GError **error)
{
    MDB_val value = {strlen(name), (void *)(uintptr_t)name};

    if (!batch_begin(store, error) ||
        !batch_put(store, TABLE_META, predecessor_key(), value, 0, error))
        return false;
    store->batch_size++;
    return true;
}

bool store_is_predecessor(Store *store, const char *name, bool *ret_is, GError **error)
{
    MDB_val value;
    MDB_txn *txn;
    bool found;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = env_get(store, txn, TABLE_META, predecessor_key(), &found, &value, error);
    *ret_is = ok && found && value.mv_size == strlen(name) &&
              memcmp(value.mv_data, name, value.mv_size) == 0;
    view_end(store);
    return ok;
}

uint64_t store_last_sequencer(const Store *store)
{
    return store->next_sequencer - 1;
}
