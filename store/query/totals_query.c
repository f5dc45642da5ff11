/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of totals: the stored totals, or with a filter sums over the records. */
#include "query/record_query.h"
#include "tables/date_zone.h"
#include "tables/groups.h"
#include "tables/totals.h"

#include <string.h>

/* State while totals are added up from records. */
typedef struct {
    StoreBy by;
    /* Maps names to ObjectTotals. */
    GTree *groups;
} Recount;

/* Adds a record to the totals of its group. */
static bool recount_record(const Record *record, void *data)
{
    Recount *recount = data;
    char name[GROUP_NAME_MAX];

    (void)group_name(record, recount->by, record_date_us(record), name);
    ObjectTotals *totals = g_tree_lookup(recount->groups, name);
    if (!totals) {
        totals = g_new0(ObjectTotals, 1);
        g_tree_insert(recount->groups, g_strdup(name), totals);
    }
    group_add(totals, record);
    return true;
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
    /* The comparison needs only the names. */
    (void)data;
    return strcmp(a, b);
}

/* Computes the totals from the records, where the stored totals do not fit the filter. */
static bool recount_totals(StoreSnapshot *snapshot, const StoreFilter *filter, StoreBy by,
                           StoreVisitGroup visit, void *data, GError **error)
{
    g_autoptr(GTree) groups = g_tree_new_full(compare_names, NULL, g_free, g_free);
    Recount recount = {.by = by, .groups = groups};

    if (!record_query_walk(snapshot, filter, recount_record, &recount, error))
        return false;
    for (GTreeNode *node = g_tree_node_first(groups); node; node = g_tree_node_next(node)) {
        if (!visit(g_tree_node_key(node), g_tree_node_value(node), data))
            break;
    }
    return true;
}

bool store_totals(StoreSnapshot *snapshot, const StoreFilter *filter, StoreBy by,
                  StoreVisitGroup visit, void *data, GError **error)
{
    bool is_kept = by < GROUPINGS;

    if ((by == STORE_BY_DAY || by == STORE_BY_MONTH) &&
        !date_zone_is_local(snapshot, &is_kept, error))
        return false;
    if (!store_filter_is_empty(filter) || !is_kept)
        return recount_totals(snapshot, filter, by, visit, data, error);
    return totals_walk(snapshot, by, visit, data, error);
}
