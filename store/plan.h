/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses where a query starts: the range of a table that costs least to walk, by what the totals
 * say of each. A query gives the same whichever is chosen.
 */
#pragma once

#include "walk.h"

typedef struct {
    WalkRange range;
    bool is_ordered; /* the rows come in the order wanted */
    bool is_exact;   /* the filter selects all of the range's records, but for their names */
    uint64_t budget; /* rows after which the surest plan had better go on; 0: never */
} Plan;

/* True if the rows' names are all it takes to select records in the order `sort`. */
bool plan_needs_names_only(const Plan *plan, StoreSort sort);

/*
 * `is_sorted` false: any order will do. *ret_plan costs least if what matches lies evenly among the
 * rest, as a limit is reached early then; *ret_surest costs least if it does not: names and dates
 * often go together. Where they differ the plan has a budget, so that both together cost no more
 * than twice what the surest does.
 */
bool plan_query(StoreSnapshot *snapshot, const StoreFilter *filter, bool is_sorted, StoreSort sort,
                uint64_t limit, Plan *ret_plan, Plan *ret_surest, GError **error);
