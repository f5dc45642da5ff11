/* SPDX-License-Identifier: Apache-2.0 */
/* The number of objects in total, by state, as committed in the store. */
#pragma once

#include "store/store.h"

#include <stdbool.h>

/* Returns false, and all zero, if the store cannot be read or is NULL. */
bool committed_totals_read(Store *store, ObjectTotals *ret_totals);
