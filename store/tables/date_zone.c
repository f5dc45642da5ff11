/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of files are in the local zone; so are the index of dates and the totals of days and
 * months. Table meta, key "zone"; value: zone_fingerprint of the zone of all dates, u64. 0, or no
 * row: some dates are in another zone.
 */
#include "tables/date_zone.h"

#include "base/pack.h"
#include "base/zone.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/snapshot.h"

static const char zone_key_text[] = "zone";

static MDB_val zone_key(void)
{
    return (MDB_val){sizeof zone_key_text - 1, (void *)(uintptr_t)zone_key_text};
}

bool date_zone_is_local(StoreSnapshot *snapshot, bool *ret_are, GError **error)
{
    MDB_val value;
    bool found;

    if (!env_get(snapshot->store, snapshot->txn, TABLE_META, zone_key(), &found, &value, error))
        return false;
    Unpacker unpacker = {.data = found ? value.mv_data : NULL, .len = found ? value.mv_size : 0};
    *ret_are = found && unpack_u64(&unpacker) == zone_fingerprint() && !unpacker.failed;
    return true;
}

bool store_zone_is_local(StoreSnapshot *snapshot, bool *ret_is, GError **error)
{
    return date_zone_is_local(snapshot, ret_is, error);
}

bool store_set_zone(Store *store, bool is_local, GError **error)
{
    uint8_t row[8];
    Packer packer = {.data = row, .max = sizeof row};

    pack_u64(&packer, is_local ? zone_fingerprint() : 0);
    if (!batch_begin(store, error) ||
        !batch_put(store, TABLE_META, zone_key(), (MDB_val){packer.len, row}, 0, error))
        return false;
    store->batch_size++;
    return true;
}
