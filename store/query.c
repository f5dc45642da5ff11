/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"
#include "selection.h"
#include "store_internal.h"

#include <string.h>

typedef struct {
    StoreSnapshot *snapshot;
    const StoreFilter *filter;
    StoreSort sort;
    bool reverse;
    uint64_t limit; /* 0: none */
    StoreVisit visit;
    void *data;
    Selection *rest; /* for what a walk that is given up has not visited; NULL if it will not be */
    uint64_t visited;
    bool is_over; /* the limit is reached, or the visitor wants no more */
} Query;

static void visit_record(Query *query, const Record *record)
{
    if (query->rest)
        selection_begin_behind(query->rest, record); /* before the visitor changes anything */

    bool goes_on = query->visit(record, query->data);

    query->visited++;
    query->is_over = !goes_on || query->visited == query->limit;
}

/* The record of a row of any table that leads to records. */
static bool read_row(StoreSnapshot *snapshot, Table table, MDB_val value, Record *ret_record,
                     GError **error)
{
    if (table == TABLE_OBJECTS)
        return objects_decode(snapshot->store, value, ret_record, error);
    return objects_get_row(snapshot->store, snapshot->txn, value, ret_record, error);
}

/* True if a hash stands for the key's end, or may do so. */
static bool is_long(MDB_val key)
{
    return key.mv_size > KEY_OBJECT_PREFIX_LEN;
}

/*
 * Visits what was selected, in its order. A record that changed or went away since, which happens
 * only when the snapshot was renewed, is left out where it does not match any more.
 */
static bool visit_selection(Query *query, Selection *selection, GError **error)
{
    Store *store = query->snapshot->store;

    selection_sort(selection);
    for (guint i = 0; i < selection->items->len && !query->is_over; i++) {
        const char *key = g_array_index(selection->items, Selected, i).key;
        Record record;
        bool found;
        bool is_due =
            (i > 0 && i % store->limits.renew_rows == 0) || walk_is_rest_due(query->snapshot);
        if (is_due && !walk_renew_snapshot(query->snapshot, error))
            return false;
        if (!objects_get(store, query->snapshot->txn, key, &found, &record, error))
            return false;
        if (found && store_filter_matches(query->filter, &record))
            visit_record(query, &record);
    }
    return true;
}

/*
 * Adds the record that an index row leads to without reading it: the row holds its name. False if
 * only the record tells what that is.
 */
static bool select_name(Query *query, MDB_val row, Selection *selection)
{
    char key[KEY_MAX + 1];

    if (is_long(row))
        return false;
    memcpy(key, row.mv_data, row.mv_size);
    key[row.mv_size] = '\0';
    if (filter_matches_name(query->filter, key))
        selection_add_name(selection, key);
    return true;
}

/* Selects what matches in one pass over the range. */
static bool select_rows(Query *query, const Plan *plan, Selection *selection, GError **error)
{
    bool by_name = plan_needs_names_only(plan, query->sort);
    g_auto(Walk) walk;

    walk_init(&walk, query->snapshot, &plan->range, false);
    for (;;) {
        MDB_val key, value;
        Record record;
        bool found;
        if (!walk_next(&walk, &found, &key, &value, error))
            return false;
        if (!found)
            return true;
        if (by_name && select_name(query, value, selection))
            continue;
        if (!read_row(query->snapshot, plan->range.table, value, &record, error))
            return false;
        if (store_filter_matches(query->filter, &record))
            selection_add(selection, &record);
    }
}

/* Selects what matches, then visits it: all at once, or in passes where it is too much for that. */
static bool run_selecting(Query *query, const Plan *plan, Selection *selection, GError **error)
{
    bool is_last = false;

    query->rest = NULL;
    while (!is_last && !query->is_over) {
        if (!select_rows(query, plan, selection, error))
            return false;
        is_last = !selection_is_full(selection);
        if (!visit_selection(query, selection, error))
            return false;
        selection_advance(selection);
    }
    return true;
}

/*
 * In the table of records long keys that begin with the same KEY_OBJECT_PREFIX_LEN bytes lie side
 * by side, but some of them in the order of their hashes. They are taken together, sorted and then
 * visited.
 */
typedef struct {
    Selection selection;
    uint8_t prefix[KEY_OBJECT_PREFIX_LEN];
} Cluster;

/* True if records are waiting, and the row of `key` is not one of theirs. */
static bool ends_cluster(const Cluster *cluster, MDB_val key)
{
    return cluster->selection.items->len > 0 &&
           (!is_long(key) || memcmp(key.mv_data, cluster->prefix, sizeof cluster->prefix) != 0);
}

static void add_to_cluster(Cluster *cluster, MDB_val key, const Record *record)
{
    memcpy(cluster->prefix, key.mv_data, sizeof cluster->prefix);
    selection_add(&cluster->selection, record);
}

/*
 * Visits rows as they come. *ret_given_up: the budget is spent, and what comes behind the last
 * record visited is still to be found.
 */
static bool run_ordered(Query *query, const Plan *plan, Cluster *cluster, bool *ret_given_up,
                        GError **error)
{
    const WalkRange *range = &plan->range;
    uint64_t rows = 0;
    g_auto(Walk) walk;

    walk_init(&walk, query->snapshot, range, query->reverse);
    while (!query->is_over) {
        MDB_val key, value;
        Record record;
        bool found;
        if (!walk_next(&walk, &found, &key, &value, error))
            return false;
        if (!found)
            break;
        if (ends_cluster(cluster, key)) {
            walk_unread(&walk, key);
            if (!visit_selection(query, &cluster->selection, error))
                return false;
            selection_empty(&cluster->selection);
            continue;
        }
        if (rows++ == plan->budget && query->rest) {
            *ret_given_up = true;
            return true;
        }
        if (!read_row(query->snapshot, range->table, value, &record, error))
            return false;
        if (!store_filter_matches(query->filter, &record))
            continue;
        if (range->table == TABLE_OBJECTS && is_long(key))
            add_to_cluster(cluster, key, &record);
        else
            visit_record(query, &record);
        if (walk_is_rest_due(query->snapshot))
            walk_renew_next(&walk, key);
    }
    walk_clear(&walk);
    return visit_selection(query, &cluster->selection, error);
}

/* In order as long as that is worth it, and then, if it is not, by selecting what is left. */
static bool run_plans(Query *query, const Plan *plan, const Plan *surest, Selection *rest,
                      GError **error)
{
    Cluster cluster;
    bool is_given_up = false;

    if (!plan->is_ordered)
        return run_selecting(query, plan, rest, error);
    query->rest = plan->budget > 0 ? rest : NULL;
    selection_init(&cluster.selection, STORE_SORT_NAME, query->reverse, query->limit);
    bool ok = run_ordered(query, plan, &cluster, &is_given_up, error);
    selection_clear(&cluster.selection);
    return ok && (!is_given_up || run_selecting(query, surest, rest, error));
}

static bool run(Query *query, bool is_sorted, GError **error)
{
    uint64_t max = query->snapshot->store->limits.selection_max;
    Selection rest;
    Plan plan, surest;

    if (!plan_query(query->snapshot, query->filter, is_sorted, query->sort, query->limit, &plan,
                    &surest, error))
        return false;
    selection_init(&rest, query->sort, query->reverse,
                   query->limit > 0 ? MIN(query->limit, max) : max);
    bool ok = run_plans(query, &plan, &surest, &rest, error);
    selection_clear(&rest);
    return ok;
}

bool store_query(StoreSnapshot *snapshot, const StoreFilter *filter, StoreSort sort, bool reverse,
                 uint64_t limit, StoreVisit visit, void *data, GError **error)
{
    Query query = {
        .snapshot = snapshot,
        .filter = filter,
        .sort = sort,
        .reverse = reverse,
        .limit = limit,
        .visit = visit,
        .data = data,
    };

    return run(&query, true, error);
}

bool query_walk(StoreSnapshot *snapshot, const StoreFilter *filter, StoreVisit visit, void *data,
                GError **error)
{
    Query query = {.snapshot = snapshot, .filter = filter, .visit = visit, .data = data};

    return run(&query, false, error);
}

bool store_get(StoreSnapshot *snapshot, const char *key, Record *ret_record, GError **error)
{
    bool found;

    if (!objects_get(snapshot->store, snapshot->txn, key, &found, ret_record, error))
        return false;
    if (found)
        return true;

    g_autofree char *text = object_key_to_text(key, NULL);
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "no object '%s'", text);
    return false;
}
