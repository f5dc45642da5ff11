/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored state of the wall clock's check. Table meta, key "clock"; value: believed i64, doubted
 * i64, running i64 (see base/clock_trust.h).
 */
#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/snapshot.h"

static const char clock_key_text[] = "clock";

static MDB_val clock_key(void)
{
    return (MDB_val){sizeof clock_key_text - 1, (void *)(uintptr_t)clock_key_text};
}

bool store_put_clock(Store *store, const ClockTrust *trust, GError **error)
{
    uint8_t row[3 * 8];
    Packer packer = {.data = row, .max = sizeof row};

    pack_i64(&packer, trust->believed_us);
    pack_i64(&packer, trust->doubted_us);
    pack_i64(&packer, trust->running_us);
    if (!batch_begin(store, error) ||
        !batch_put(store, TABLE_META, clock_key(), (MDB_val){packer.len, row}, 0, error))
        return false;
    store->batch_size++;
    return true;
}

bool store_get_clock(StoreSnapshot *snapshot, ClockTrust *ret_trust, GError **error)
{
    MDB_val value;
    bool found;

    if (!env_get(snapshot->store, snapshot->txn, TABLE_META, clock_key(), &found, &value, error))
        return false;
    if (!found) {
        *ret_trust = (ClockTrust){0};
        return true;
    }
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    ClockTrust trust;

    trust.believed_us = unpack_i64(&unpacker);
    trust.doubted_us = unpack_i64(&unpacker);
    trust.running_us = unpack_i64(&unpacker);
    if (unpacker.failed)
        return env_fail_corrupt(snapshot->store, "the row of the clock cannot be read", error);
    *ret_trust = trust;
    return true;
}
