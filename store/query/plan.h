/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses where a query starts: the range of a table that is cheapest to walk, estimated from the
 * totals. The result of a query does not depend on the choice.
 */
#pragma once

#include "query/table_walk.h"

typedef struct {
    TableRange range;
    /* The rows come in the requested order. */
    bool is_ordered;
    /* The filter selects all records of the range, names aside. */
    bool is_exact;
    /* Number of rows after which the query changes to the surest plan; 0: never. */
    uint64_t budget;
    /* Estimated number of rows. */
    double rows;
} Plan;

typedef struct {
    /* Cheapest if matching records are spread evenly, since the limit is then reached early. */
    Plan likely;
    /*
     * Cheapest if they are not: names and dates often go together. If the two differ, the likely
     * plan has a budget, so that both together cost at most twice as much as the surest plan.
     */
    Plan surest;
    /* A walk in the requested order. Valid with `has_ordered`. */
    Plan ordered;
    bool has_ordered;
} QueryPlans;

/* True if the names in the rows suffice to select and sort the records. */
bool plan_needs_names_only(const Plan *plan, StoreSort sort);

/* Plans a query. `is_sorted` false: any order will do. */
bool plan_query(StoreSnapshot *snapshot, const StoreFilter *filter, bool is_sorted, StoreSort sort,
                uint64_t limit, QueryPlans *ret_plans, GError **error);
