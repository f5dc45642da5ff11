/*
 * Chooses where a query starts: the range of a table that costs least to walk, by what the totals
 * say of each. A query gives the same whichever is chosen.
 */
#pragma once

#include "walk.h"

typedef struct {
    WalkRange range;
    bool is_ordered; /* the rows come in the order wanted */
} Plan;

/* `is_sorted` false: any order will do. */
bool plan_query(StoreSnapshot *snapshot, const StoreFilter *filter, bool is_sorted, StoreSort sort,
                uint64_t limit, Plan *ret_plan, GError **error);
