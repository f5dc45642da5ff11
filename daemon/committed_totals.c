/* SPDX-License-Identifier: Apache-2.0 */
#include "committed_totals.h"

#include <string.h>

static bool add_up(const char *group, const ObjectTotals *totals, void *data)
{
    (void)group;
    *(ObjectTotals *)data = *totals;
    return true;
}

bool committed_totals_read(Store *store, ObjectTotals *ret_totals)
{
    g_autoptr(StoreSnapshot) snapshot = store ? store_snapshot_begin(store, NULL) : NULL;
    const StoreFilter everything = {0};

    memset(ret_totals, 0, sizeof *ret_totals);
    return snapshot && store_totals(snapshot, &everything, STORE_BY_ALL, add_up, ret_totals, NULL);
}
