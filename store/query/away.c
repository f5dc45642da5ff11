/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the objects that are away: from the mounts, or with a filter from the records. */
#include "engine/env.h"
#include "engine/snapshot.h"
#include "query/record_query.h"
#include "tables/mounts.h"

static bool count_away(const Record *record, void *data)
{
    *(uint64_t *)data += record->away;
    return true;
}

bool store_away(StoreSnapshot *snapshot, const StoreFilter *filter, uint64_t *ret_objects,
                GError **error)
{
    const Mounts *mounts = snapshot->store->mounts;
    uint64_t objects = 0;

    if (store_filter_is_empty(filter))
        objects = mounts_count_away(mounts);
    else if (!mounts_is_empty(mounts) &&
             !record_query_walk(snapshot, filter, count_away, &objects, error))
        return false;
    *ret_objects = objects;
    return true;
}
