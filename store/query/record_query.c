/* SPDX-License-Identifier: Apache-2.0 */
#include "query/record_query.h"

#include "base/error.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/snapshot.h"
#include "query/filter.h"
#include "query/plan.h"
#include "query/selection.h"
#include "tables/object_rows.h"

#include <string.h>

typedef struct {
    StoreSnapshot *snapshot;
    const StoreFilter *filter;
    StoreSort sort;
    bool reverse;
    StorePage page;
    StoreVisit visit;
    void *data;
    /* Records that an abandoned walk has not visited; NULL if the walk cannot be abandoned. */
    Selection *remaining;
    uint64_t visited;
    /* The limit is reached, or the visitor has stopped the query. */
    bool is_over;
} Query;

/* Calls the visitor with a record, and notes how far the query has come. */
static void visit_record(Query *query, const Record *record)
{
    if (query->remaining)
        /* This comes before the visit, since the visitor may change the record. */
        selection_begin_behind(query->remaining, record);

    bool goes_on = query->visit(record, query->data);

    query->visited++;
    query->is_over = !goes_on || query->visited == query->page.limit;
}

/* Reads the record of a row of any table that leads to records. */
static bool read_row(StoreSnapshot *snapshot, Table table, MDB_val value, Record *ret_record,
                     GError **error)
{
    if (table == TABLE_OBJECTS)
        return objects_decode(snapshot->store, value, ret_record, error);
    return objects_get_row(snapshot->store, snapshot->txn, value, ret_record, error);
}

/* True if a hash replaces the end of the key, or may do so. */
static bool is_long(MDB_val key)
{
    return key.mv_size > KEY_OBJECT_PREFIX_LEN;
}

/*
 * Visits the selected records in order. If the snapshot was renewed, a record may have been changed
 * or removed; it is skipped if it does not match any more.
 */
static bool visit_selection(Query *query, Selection *selection, GError **error)
{
    Store *store = query->snapshot->store;

    selection_sort(selection);
    for (guint i = 0; i < selection->items->len && !query->is_over; i++) {
        const char *key = g_array_index(selection->items, Selected, i).key;
        Record record;
        bool found;
        bool is_due = (i > 0 && i % store->limits.renew_rows == 0) ||
                      snapshot_is_release_due(query->snapshot);
        if (is_due && !snapshot_renew(query->snapshot, error))
            return false;
        if (!objects_get(store, query->snapshot->txn, key, &found, &record, error))
            return false;
        if (found && store_filter_matches(query->filter, &record))
            visit_record(query, &record);
    }
    return true;
}

/*
 * Adds the record of an index row without reading the record, since the row has its name. Returns
 * false if only the record has the full name.
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

/*
 * Selects the matching records in one pass over the range. *ret_is_given_up: the range has more
 * than `rows_max` rows (0: any number will do).
 */
static bool select_rows(Query *query, const Plan *plan, uint64_t rows_max, Selection *selection,
                        bool *ret_is_given_up, GError **error)
{
    bool by_name = plan_needs_names_only(plan, query->sort);
    uint64_t rows = 0;
    g_auto(TableWalk) walk;

    table_walk_init(&walk, query->snapshot, &plan->range, false);
    for (;;) {
        MDB_val key, value;
        Record record;
        bool found;
        if (!table_walk_next(&walk, &found, &key, &value, error))
            return false;
        *ret_is_given_up = found && rows++ == rows_max && rows_max > 0;
        if (!found || *ret_is_given_up)
            return true;
        if (by_name && select_name(query, value, selection))
            continue;
        if (!read_row(query->snapshot, plan->range.table, value, &record, error))
            return false;
        if (store_filter_matches(query->filter, &record))
            selection_add(selection, &record);
    }
}

/*
 * Selects the matching records, then visits them: all at once, or in several passes if they are too
 * many. *ret_is_given_up: as for select_rows; the records behind `selection->after` still have to
 * be found.
 */
static bool run_selecting(Query *query, const Plan *plan, uint64_t rows_max, Selection *selection,
                          bool *ret_is_given_up, GError **error)
{
    bool is_last = false;

    query->remaining = NULL;
    while (!is_last && !query->is_over) {
        if (!select_rows(query, plan, rows_max, selection, ret_is_given_up, error))
            return false;
        if (*ret_is_given_up)
            return true;
        is_last = !selection_is_full(selection);
        if (!visit_selection(query, selection, error))
            return false;
        selection_advance(selection);
    }
    return true;
}

/*
 * In the table of records, long keys that begin with the same KEY_OBJECT_PREFIX_LEN bytes are
 * neighbours, but some of them are sorted by their hashes. A cluster collects them, sorts them and
 * then visits them.
 */
typedef struct {
    Selection selection;
    uint8_t prefix[KEY_OBJECT_PREFIX_LEN];
} Cluster;

/* True if records are waiting, and `key` does not belong to their cluster. */
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

/* True if the record comes behind the records of the page before. */
static bool is_behind(const Query *query, const Record *record)
{
    const Selection order = {.sort = query->sort, .reverse = query->reverse};

    return selection_is_behind(&order, record, query->page.after);
}

/*
 * Starts an ordered walk behind the records of the page before, or shortly before that place; the
 * walk skips records up to it.
 */
static void begin_behind(const Query *query, TableWalk *walk)
{
    const StoreCursor *after = query->page.after;
    Table table = walk->range->table;
    uint8_t key[KEY_MAX];
    size_t len;

    if (table == TABLE_OBJECTS) {
        len = key_from_object(after->key, key);
        /* The walk has to begin before the whole cluster of the key. */
        if (len > KEY_OBJECT_PREFIX_LEN) {
            len = KEY_OBJECT_PREFIX_LEN;
            if (query->reverse)
                key[len++] = UINT8_MAX;
        }
    } else if (table == TABLE_BY_SIZE || table == TABLE_BY_DATE) {
        len = (size_t)(key_put_u64(key_put_i64(key, after->value), after->id) - key);
    } else {
        return;
    }
    table_walk_begin_behind(walk, key, len);
}

/*
 * Visits the record of a row if it matches, and ends the page if it has read enough rows. A page
 * does not end early in a cluster, whose rows are not in order. Returns true if it has visited the
 * record.
 */
static bool visit_row(Query *query, Cluster *cluster, MDB_val key, bool is_clustered,
                      const Record *record, uint64_t rows)
{
    bool matches = store_filter_matches(query->filter, record) &&
                   (!query->page.after || is_behind(query, record));

    if (is_clustered) {
        if (matches)
            add_to_cluster(cluster, key, record);
        return matches;
    }
    if (matches)
        visit_record(query, record);
    if (!query->is_over && query->page.rows_max > 0 && rows >= query->page.rows_max) {
        query->page.pause(record, query->data);
        query->is_over = true;
    }
    return matches;
}

/*
 * Visits rows in their order. *ret_is_spent: the budget is spent, and the records behind the last
 * visited one still have to be found.
 */
static bool run_ordered(Query *query, const Plan *plan, Cluster *cluster, bool *ret_is_spent,
                        GError **error)
{
    const TableRange *range = &plan->range;
    uint64_t rows = 0;
    g_auto(TableWalk) walk;

    table_walk_init(&walk, query->snapshot, range, query->reverse);
    if (query->page.after)
        begin_behind(query, &walk);
    while (!query->is_over) {
        MDB_val key, value;
        Record record;
        bool found;
        if (!table_walk_next(&walk, &found, &key, &value, error))
            return false;
        if (!found)
            break;
        if (ends_cluster(cluster, key)) {
            table_walk_unread(&walk, key);
            if (!visit_selection(query, &cluster->selection, error))
                return false;
            selection_empty(&cluster->selection);
            continue;
        }
        if (rows++ == plan->budget && query->remaining) {
            *ret_is_spent = true;
            return true;
        }
        if (!read_row(query->snapshot, range->table, value, &record, error))
            return false;
        bool is_clustered = range->table == TABLE_OBJECTS && is_long(key);
        if (visit_row(query, cluster, key, is_clustered, &record, rows) &&
            snapshot_is_release_due(query->snapshot))
            table_walk_renew_next(&walk, key);
    }
    table_walk_clear(&walk);
    return visit_selection(query, &cluster->selection, error);
}

static bool walk_in_order(Query *query, const Plan *plan, bool *ret_is_given_up, GError **error)
{
    Cluster cluster;

    selection_init(&cluster.selection, STORE_SORT_NAME, query->reverse, query->page.limit);
    bool ok = run_ordered(query, plan, &cluster, ret_is_given_up, error);
    selection_clear(&cluster.selection);
    return ok;
}

/* Walks in order while this is worth it; otherwise selects the remaining records. A page that would
 * read too many rows for this walks in order, because only such a walk can end early. */
static bool run_plans(Query *query, const QueryPlans *plans, Selection *remaining, GError **error)
{
    uint64_t rows_max = plans->has_ordered ? query->page.rows_max : 0;
    bool is_large = rows_max > 0 && plans->surest.rows > (double)rows_max;
    const Plan *plan = is_large ? &plans->ordered : &plans->likely;
    bool is_given_up = !plan->is_ordered;

    if (plan->is_ordered) {
        query->remaining = plan->budget > 0 ? remaining : NULL;
        if (!walk_in_order(query, plan, &is_given_up, error))
            return false;
    }
    if (!is_given_up)
        return true;
    if (!run_selecting(query, &plans->surest, rows_max, remaining, &is_given_up, error))
        return false;
    if (!is_given_up)
        return true;
    /* The estimate was too low. */
    const StoreCursor place = {remaining->after.value, remaining->after.id, remaining->after.key};
    query->page.after = place.key ? &place : NULL;
    bool ok = walk_in_order(query, &plans->ordered, &is_given_up, error);
    query->page.after = NULL;
    return ok;
}

/*
 * Plans the query and runs it; a plan that turns out to cost too much is replaced by the surest
 * one.
 */
static bool run(Query *query, bool is_sorted, GError **error)
{
    uint64_t max = query->snapshot->store->limits.selection_max;
    uint64_t limit = query->page.limit;
    Selection remaining;
    QueryPlans plans;

    if (!plan_query(query->snapshot, query->filter, is_sorted, query->sort, limit, &plans, error))
        return false;
    selection_init(&remaining, query->sort, query->reverse, limit > 0 ? MIN(limit, max) : max);
    if (query->page.after)
        selection_begin_behind_place(&remaining, query->page.after);
    bool ok = run_plans(query, &plans, &remaining, error);
    query->remaining = NULL;
    selection_clear(&remaining);
    return ok;
}

bool store_query(StoreSnapshot *snapshot, const StoreFilter *filter, StoreSort sort, bool reverse,
                 uint64_t limit, StoreVisit visit, void *data, GError **error)
{
    const StorePage all = {.limit = limit};

    return store_query_page(snapshot, filter, sort, reverse, &all, visit, data, error);
}

bool store_query_page(StoreSnapshot *snapshot, const StoreFilter *filter, StoreSort sort,
                      bool reverse, const StorePage *page, StoreVisit visit, void *data,
                      GError **error)
{
    Query query = {
        .snapshot = snapshot,
        .filter = filter,
        .sort = sort,
        .reverse = reverse,
        .page = *page,
        .visit = visit,
        .data = data,
    };

    return run(&query, true, error);
}

bool record_query_walk(StoreSnapshot *snapshot, const StoreFilter *filter, StoreVisit visit,
                       void *data, GError **error)
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
