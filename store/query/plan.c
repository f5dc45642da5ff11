/* SPDX-License-Identifier: Apache-2.0 */
#include "query/plan.h"

#include "base/zone.h"
#include "engine/env.h"
#include "engine/snapshot.h"
#include "tables/date_zone.h"
#include "tables/groups.h"
#include "tables/object_rows.h"
#include "tables/totals.h"

#include <string.h>

/*
 * Costs of a row: read from the table of records; looked up there from an index; used for its name
 * alone; kept until all rows are known.
 */
#define COST_READ   1.0
#define COST_LOOKUP 2.0
#define COST_NAME   0.2
#define COST_KEEP   1.0

/* Assumed share of all records in a range that was not counted. */
#define SHARE_UNKNOWN (1.0 / 16)

/* Largest number of days that are read to count the records of a period. */
#define DAYS_MAX 400

/* A range to start from, with the best known number of its rows. */
typedef struct {
    TableRange range;
    double rows;
} Candidate;

typedef struct {
    StoreSnapshot *snapshot;
    const StoreFilter *filter;
    /* The index of dates is in the local zone. */
    bool has_local_dates;
    /* Number of records. */
    double total;
    /* Upper bound for the number of selected records, from the counts that are known. */
    double matches;
    Candidate candidates[TABLE_BY_TYPE + 1];
    size_t n_candidates;
} Planner;

/* Returns the only member of a set, or 0. */
static int single(uint32_t set)
{
    return set != 0 && (set & (set - 1)) == 0 ? __builtin_ctz(set) : 0;
}

static Candidate *add_candidate(Planner *planner, Table table, double rows)
{
    Candidate *candidate = &planner->candidates[planner->n_candidates++];

    candidate->range.table = table;
    candidate->range.lower_len = 0;
    candidate->range.upper_len = 0;
    candidate->rows = rows;
    return candidate;
}

/* Counts the objects of a group, and lowers the estimate of matching objects to that. */
static bool count_group(Planner *planner, StoreBy by, const char *group, double *ret_rows,
                        GError **error)
{
    uint64_t objects;

    if (!totals_objects(planner->snapshot, by, group, &objects, error))
        return false;
    *ret_rows = (double)objects;
    planner->matches = MIN(planner->matches, *ret_rows);
    return true;
}

/* Adds the table of records as a candidate, limited to the prefix. */
static bool add_objects(Planner *planner, GError **error)
{
    const char *prefix = planner->filter->prefix;
    const char *slash = prefix ? strchr(prefix, '/') : NULL;
    double rows = planner->total;

    if (!prefix || !*prefix) {
        (void)add_candidate(planner, TABLE_OBJECTS, rows);
        return true;
    }
    if (slash) {
        g_autofree char *folder = g_strndup(prefix, (gsize)(slash - prefix) + 1);
        if (!count_group(planner, STORE_BY_PREFIX, folder, &rows, error))
            return false;
    } else {
        rows *= SHARE_UNKNOWN;
    }
    /* The table has only the first bytes of a key that is too long for it. */
    table_range_set_prefix(&add_candidate(planner, TABLE_OBJECTS, rows)->range,
                           (const uint8_t *)prefix, MIN(strlen(prefix), KEY_OBJECT_PREFIX_LEN));
    return true;
}

/* Adds an index by a small number, if the filter allows only one value of it. */
static bool add_tagged(Planner *planner, Table table, int tag, StoreBy by, const char *group,
                       GError **error)
{
    uint8_t byte = (uint8_t)tag;
    double rows;

    if (!count_group(planner, by, group, &rows, error))
        return false;
    table_range_set_prefix(&add_candidate(planner, table, rows)->range, &byte, 1);
    return true;
}

static void set_bounds(TableRange *range, const int64_t *lower, const int64_t *upper)
{
    if (lower)
        range->lower_len = (size_t)(key_put_i64(range->lower, *lower) - range->lower);
    if (upper)
        range->upper_len = (size_t)(key_put_i64(range->upper, *upper) - range->upper);
}

/*
 * Returns the largest difference between a date in the index and the date that the filter compares.
 */
static int64_t date_slack_us(const Planner *planner, bool is_instant)
{
    const int64_t zone_us = ZONE_OFFSET_MAX * INT64_C(60) * 1000000;

    return (is_instant ? zone_us : 0) + (planner->has_local_dates ? 0 : 2 * zone_us);
}

/* Adds the plan that reads the index by date, with the number of rows that it would read. */
static bool add_dates(Planner *planner, GError **error)
{
    const StoreFilter *filter = planner->filter;
    int64_t lower = filter->since_us - date_slack_us(planner, filter->since_is_instant);
    int64_t upper = filter->until_us + date_slack_us(planner, filter->until_is_instant);
    const int64_t *since = filter->has_since ? &lower : NULL;
    const int64_t *until = filter->has_until ? &upper : NULL;
    uint64_t rows = (uint64_t)planner->total;

    if ((since || until) &&
        !totals_count_days(planner->snapshot, since, until, DAYS_MAX, &rows, error))
        return false;
    planner->matches = MIN(planner->matches, (double)rows);
    set_bounds(&add_candidate(planner, TABLE_BY_DATE, (double)rows)->range, since, until);
    return true;
}

static void add_sizes(Planner *planner)
{
    const StoreFilter *filter = planner->filter;
    bool is_open_above = !filter->has_max_size || filter->max_size == INT64_MAX;
    int64_t above = is_open_above ? INT64_MAX : filter->max_size + 1;
    bool is_range = filter->has_min_size || filter->has_max_size;
    double rows = is_range ? planner->total * SHARE_UNKNOWN : planner->total;

    set_bounds(&add_candidate(planner, TABLE_BY_SIZE, rows)->range,
               filter->has_min_size ? &filter->min_size : NULL, is_open_above ? NULL : &above);
}

/* Adds a plan for each index that can serve the query. */
static bool add_all(Planner *planner, GError **error)
{
    bool has_away = planner->filter->states & STORE_FILTER_AWAY;
    int state = has_away ? 0 : single(planner->filter->states);
    int type = single(planner->filter->types);

    if (!add_objects(planner, error))
        return false;
    if (state && !add_tagged(planner, TABLE_BY_STATE, state, STORE_BY_STATE,
                             state_name((ObjectState)state), error))
        return false;
    if (type && !add_tagged(planner, TABLE_BY_TYPE, type, STORE_BY_TYPE,
                            image_type_name((ImageType)type), error))
        return false;
    add_sizes(planner);
    return add_dates(planner, error);
}

/* Checks that the table has its rows in the order asked for. */
static bool is_in_order(const Planner *planner, Table table, StoreSort sort)
{
    switch (sort) {
    case STORE_SORT_NAME:
        return table == TABLE_OBJECTS;
    case STORE_SORT_SIZE:
        return table == TABLE_BY_SIZE;
    case STORE_SORT_DATE:
        return table == TABLE_BY_DATE && planner->has_local_dates;
    case STORE_SORT_DURATION:
        break;
    }
    return false;
}

/* True if the filter selects every row in the range of such a table, names aside. */
static bool is_exact(const Planner *planner, Table table)
{
    const StoreFilter *filter = planner->filter;
    bool has_slack =
        filter->since_is_instant || filter->until_is_instant || !planner->has_local_dates;
    StoreFilter other = *filter;

    other.prefix = other.match = NULL;
    if (table == TABLE_BY_STATE)
        other.states = 0;
    if (table == TABLE_BY_TYPE)
        other.types = 0;
    if (table == TABLE_BY_DATE && !has_slack)
        other.has_since = other.has_until = false;
    if (table == TABLE_BY_SIZE)
        other.has_min_size = other.has_max_size = false;
    return store_filter_is_empty(&other);
}

bool plan_needs_names_only(const Plan *plan, StoreSort sort)
{
    return plan->is_exact && sort == STORE_SORT_NAME && plan->range.table != TABLE_OBJECTS;
}

/* Returns the cost of a row. */
static double row_cost(const Plan *plan, StoreSort sort)
{
    if (!plan->is_ordered && plan_needs_names_only(plan, sort))
        return COST_NAME;
    return plan->range.table == TABLE_OBJECTS ? COST_READ : COST_LOOKUP + COST_READ;
}

/* Returns the largest cost that a plan over so many rows can have. */
static double sure_cost(double rows, const Plan *plan, StoreSort sort, uint64_t limit)
{
    double kept = limit > 0 ? MIN(rows, (double)limit) : rows;

    if (plan->is_ordered)
        kept = 0;
    return rows * row_cost(plan, sort) + kept * (COST_KEEP + COST_LOOKUP + COST_READ);
}

/*
 * Returns the cost if matching records are spread evenly: walks in order then reach the limit
 * early.
 */
static double likely_cost(double rows, const Plan *plan, StoreSort sort, uint64_t limit,
                          double matches)
{
    double share = plan->is_ordered && limit > 0 ? (double)limit / MAX(matches, 1.0) : 1.0;

    return sure_cost(rows, plan, sort, limit) * MIN(1.0, share);
}

bool plan_query(StoreSnapshot *snapshot, const StoreFilter *filter, bool is_sorted, StoreSort sort,
                uint64_t limit, QueryPlans *ret_plans, GError **error)
{
    Planner planner = {.snapshot = snapshot, .filter = filter, .matches = G_MAXDOUBLE};
    double likely = G_MAXDOUBLE, sure = G_MAXDOUBLE;

    ret_plans->has_ordered = false;
    if (!date_zone_is_local(snapshot, &planner.has_local_dates, error) ||
        !count_group(&planner, STORE_BY_ALL, "", &planner.total, error) ||
        !add_all(&planner, error))
        return false;
    for (size_t i = 0; i < planner.n_candidates; i++) {
        const Candidate *candidate = &planner.candidates[i];
        Table table = candidate->range.table;
        double rows = candidate->rows;
        Plan plan = {
            .range = candidate->range,
            .is_ordered = !is_sorted || is_in_order(&planner, table, sort),
            .is_exact = is_exact(&planner, table),
            .rows = rows,
        };
        if (plan.is_ordered) {
            ret_plans->ordered = plan;
            ret_plans->has_ordered = true;
        }
        if (likely_cost(rows, &plan, sort, limit, planner.matches) < likely) {
            likely = likely_cost(rows, &plan, sort, limit, planner.matches);
            ret_plans->likely = plan;
        }
        if (sure_cost(rows, &plan, sort, limit) < sure) {
            sure = sure_cost(rows, &plan, sort, limit);
            ret_plans->surest = plan;
        }
    }
    if (is_sorted && ret_plans->likely.is_ordered && !ret_plans->surest.is_ordered)
        ret_plans->likely.budget = 1 + (uint64_t)(sure / row_cost(&ret_plans->likely, sort));
    return true;
}
