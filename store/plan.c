/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "groups.h"
#include "zone.h"

#include <string.h>

/* What a row costs: read in the table of records, looked up there from an index, taken for its name
 * alone, kept until all are there. */
#define COST_READ   1.0
#define COST_LOOKUP 2.0
#define COST_NAME   0.2
#define COST_KEEP   1.0

/* The share of all records in a range nobody has counted. */
#define SHARE_UNKNOWN (1.0 / 16)

/* Days that are looked at to count the records of a time. */
#define DAYS_MAX 400

/* A range to start from, with the number of its rows, as good as it is known. */
typedef struct {
    WalkRange range;
    double rows;
} Candidate;

typedef struct {
    StoreSnapshot *snapshot;
    const StoreFilter *filter;
    bool has_local_dates; /* the index of dates goes by the local zone */
    double total;         /* records */
    double
        matches; /* an upper bound of the records the filter selects, as far as they were counted */
    Candidate candidates[TABLE_BY_TYPE + 1];
    size_t n_candidates;
} Planner;

/* The only member of a set, or 0. */
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

/* Records by name, those of the prefix only. */
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
    /* Of a key that is too long for the table only the first bytes are in its place. */
    walk_range_set_prefix(&add_candidate(planner, TABLE_OBJECTS, rows)->range,
                          (const uint8_t *)prefix, MIN(strlen(prefix), KEY_OBJECT_PREFIX_LEN));
    return true;
}

/* An index by a small number, where the filter wants one only. */
static bool add_tagged(Planner *planner, Table table, int tag, StoreBy by, const char *group,
                       GError **error)
{
    uint8_t byte = (uint8_t)tag;
    double rows;

    if (!count_group(planner, by, group, &rows, error))
        return false;
    walk_range_set_prefix(&add_candidate(planner, table, rows)->range, &byte, 1);
    return true;
}

static void set_bounds(WalkRange *range, const int64_t *lower, const int64_t *upper)
{
    if (lower)
        range->lower_len = (size_t)(key_put_i64(range->lower, *lower) - range->lower);
    if (upper)
        range->upper_len = (size_t)(key_put_i64(range->upper, *upper) - range->upper);
}

/* How far a date in the index may be from what it is compared with. */
static int64_t date_slack_us(const Planner *planner, bool is_instant)
{
    const int64_t zone_us = ZONE_OFFSET_MAX * INT64_C(60) * 1000000;

    return (is_instant ? zone_us : 0) + (planner->has_local_dates ? 0 : 2 * zone_us);
}

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

/* True if the range of such a table holds nothing that the filter leaves out, but for names. */
static bool is_exact(const Planner *planner, Table table)
{
    const StoreFilter *filter = planner->filter;
    bool has_slack =
        filter->since_is_instant || filter->until_is_instant || !planner->has_local_dates;
    StoreFilter rest = *filter;

    rest.prefix = rest.match = NULL;
    if (table == TABLE_BY_STATE)
        rest.states = 0;
    if (table == TABLE_BY_TYPE)
        rest.types = 0;
    if (table == TABLE_BY_DATE && !has_slack)
        rest.has_since = rest.has_until = false;
    if (table == TABLE_BY_SIZE)
        rest.has_min_size = rest.has_max_size = false;
    return store_filter_is_empty(&rest);
}

bool plan_needs_names_only(const Plan *plan, StoreSort sort)
{
    return plan->is_exact && sort == STORE_SORT_NAME && plan->range.table != TABLE_OBJECTS;
}

/* What it costs to look at a row. */
static double row_cost(const Plan *plan, StoreSort sort)
{
    if (!plan->is_ordered && plan_needs_names_only(plan, sort))
        return COST_NAME;
    return plan->range.table == TABLE_OBJECTS ? COST_READ : COST_LOOKUP + COST_READ;
}

/* What it costs at the most. */
static double sure_cost(double rows, const Plan *plan, StoreSort sort, uint64_t limit)
{
    double kept = limit > 0 ? MIN(rows, (double)limit) : rows;

    if (plan->is_ordered)
        kept = 0;
    return rows * row_cost(plan, sort) + kept * (COST_KEEP + COST_LOOKUP + COST_READ);
}

/* What it costs if those that match lie evenly among the others: rows in order end early then. */
static double likely_cost(double rows, const Plan *plan, StoreSort sort, uint64_t limit,
                          double matches)
{
    double share = plan->is_ordered && limit > 0 ? (double)limit / MAX(matches, 1.0) : 1.0;

    return sure_cost(rows, plan, sort, limit) * MIN(1.0, share);
}

bool plan_query(StoreSnapshot *snapshot, const StoreFilter *filter, bool is_sorted, StoreSort sort,
                uint64_t limit, Plan *ret_plan, Plan *ret_surest, GError **error)
{
    Planner planner = {.snapshot = snapshot, .filter = filter, .matches = G_MAXDOUBLE};
    double likely = G_MAXDOUBLE, sure = G_MAXDOUBLE;

    if (!dates_are_local(snapshot, &planner.has_local_dates, error) ||
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
        };
        if (likely_cost(rows, &plan, sort, limit, planner.matches) < likely) {
            likely = likely_cost(rows, &plan, sort, limit, planner.matches);
            *ret_plan = plan;
        }
        if (sure_cost(rows, &plan, sort, limit) < sure) {
            sure = sure_cost(rows, &plan, sort, limit);
            *ret_surest = plan;
        }
    }
    if (is_sorted && ret_plan->is_ordered && !ret_surest->is_ordered)
        ret_plan->budget = 1 + (uint64_t)(sure / row_cost(ret_plan, sort));
    return true;
}
