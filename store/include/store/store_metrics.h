/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: counted as part of the open batch, and read for any period. */
#pragma once

#include "model/bill.h"
#include "model/invocation.h"
#include "model/measures.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;
typedef struct StoreSnapshot StoreSnapshot;

/* Counts a value of a metric as part of the open batch; does nothing without a batch. */
void store_measure(Store *store, Metric metric, int64_t time_us, int64_t value);

/* Measures from `since_us` up to `until_us`. About 30 KiB: allocate it on the heap. */
typedef struct {
    /* Whole minutes; whole hours or days where the minutes were deleted. */
    int64_t since_us, until_us;
    Measures measures;
} StoreMetrics;

/*
 * Reads the minutes that overlap [since_us, until_us), with the levels at the beginning of the
 * period. An invocation counts in the minute in which it began. Reads at most some hundred rows,
 * and one per day. INT64_MIN and INT64_MAX: all time, at a fixed cost, without the levels at the
 * beginning.
 */
bool store_metrics(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us,
                   StoreMetrics *ret_metrics, GError **error);

/* Sums the days (UTC) that begin in [since_us, until_us). */
bool store_bill(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us, Bill *ret_bill,
                GError **error);

/* As store_metrics, for figures of invocations. */
bool store_invocations(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us,
                       InvocationFigures *ret_invocations, GError **error);
