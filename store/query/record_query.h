/* SPDX-License-Identifier: Apache-2.0 */
/* Visits the records that a filter selects. Private to the store. */
#pragma once

#include "store/store.h"

/* Visits the selected records in no particular order. */
bool record_query_walk(StoreSnapshot *snapshot, const StoreFilter *filter, StoreVisit visit,
                       void *data, GError **error);
