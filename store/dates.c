/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of files go by the local zone, and so do their places in the index and in the totals of
 * days and months. meta: key "zone"; value: zone_fingerprint of the zone that all of them go by,
 * u64; 0, or no row, while some go by another.
 */
#include "pack.h"
#include "store_internal.h"
#include "zone.h"

static const char zone_key_text[] = "zone";

static MDB_val zone_key(void)
{
    return (MDB_val){sizeof zone_key_text - 1, (void *)(uintptr_t)zone_key_text};
}

bool dates_are_local(StoreSnapshot *snapshot, bool *ret_are, GError **error)
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
    return dates_are_local(snapshot, ret_is, error);
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

bool store_redate(Store *store, const char *key, GError **error)
{
    Record old;
    bool found;

    if (!store_peek(store, key, &found, &old, error))
        return false;
    if (!found || old.zone_min == record_zone_min(&old))
        return true;
    if (!batch_begin_for(store, key, error))
        return false;
    old.key = store->key;

    Record next = old;
    next.zone_min = record_zone_min(&next);
    return objects_change(store, &old, &next, error);
}
