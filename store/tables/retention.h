/* SPDX-License-Identifier: Apache-2.0 */
/* Retention times of stored data. Private to the store. */
#pragma once

#include "tables/metric_rows.h"

/* Range of the metrics that exist. */
typedef struct {
    /* Wall clock of the first value that was counted; 0: none. */
    int64_t started_us;
    /*
     * Rows of the span are complete from this minute on, a multiple of the minutes of the next
     * coarser span.
     */
    int64_t from[METRIC_SPANS];
} MetricsKept;

bool retention_kept(Store *store, MDB_txn *txn, MetricsKept *ret_kept, GError **error);
bool retention_put_kept(Store *store, MDB_txn *txn, const MetricsKept *kept, GError **error);

/* A stage, see stage.h: deletes a few old rows of metrics. */
void retention_init(Store *store);
bool retention_flush(Store *store, GError **error);
void retention_free(Store *store);

/* Deletes rows that are too old at `now_us`, at most `max` of each span, within the batch. */
bool retention_drop_metrics(Store *store, int64_t now_us, uint64_t max, uint64_t *ret_dropped,
                            GError **error);

/* Counts the rows that retention_drop_metrics would delete. */
bool retention_count_metrics(Store *store, MDB_txn *txn, int64_t now_us, uint64_t *ret_n,
                             GError **error);
