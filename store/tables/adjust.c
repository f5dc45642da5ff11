/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a record that are no event of its object: the zone of its date, the mount that hides
 * it.
 */
#include "engine/batch.h"
#include "engine/env.h"
#include "tables/mounts.h"
#include "tables/object_rows.h"

bool store_redate(Store *store, const char *key, GError **error)
{
    Record old;
    bool found;

    if (!store_peek(store, key, &found, &old, error))
        return false;
    if (!found || old.zone_min == record_zone_min(&old))
        return true;
    if (!batch_begin_for(store, &old, error))
        return false;

    Record next = old;
    next.zone_min = record_zone_min(&next);
    return objects_change(store, &old, &next, error);
}

bool store_count_hidden(Store *store, const char *key, int64_t now_us, GError **error)
{
    Record old;
    bool found;

    if (mounts_of(store->mounts, key) == 0)
        return true;
    if (!store_peek(store, key, &found, &old, error))
        return false;
    /*
     * An object that is away for another reason, or that was recorded as hidden, is counted
     * already.
     */
    if (!found || !mounts_hides(store->mounts, &old))
        return true;
    if (!batch_begin_for(store, &old, error))
        return false;

    Record next = old;
    next.mount = mounts_cover(store->mounts, &old, now_us);
    return objects_change(store, &old, &next, error);
}
