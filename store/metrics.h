/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of metrics: one per minute, hour and day in which something happened, and one of all
 * time, each with all that was measured in it (measures.h). Minutes and hours are kept for a while,
 * days for ever. Private to the store.
 */
#pragma once

#include "measures.h"
#include "store_internal.h"

#define METRICS_MINUTE_US (INT64_C(60) * 1000000)

/* From coarse to fine. */
typedef enum { SPAN_ALL, SPAN_DAY, SPAN_HOUR, SPAN_MINUTE, METRIC_SPANS } Span;

typedef struct {
    uint8_t number;  /* first byte of the key */
    int64_t minutes; /* that a row is of; 0: all */
} MetricSpan;

extern const MetricSpan metric_spans[METRIC_SPANS];

/* Key: the span's number u8, and but for all time the row's first minute since 1970 i64. */
#define METRICS_KEY_LEN 9
size_t metrics_row_key(Span span, int64_t minute, uint8_t ret_key[static METRICS_KEY_LEN]);

/* The minute a time lies in; and the last one not after it that is a multiple of `minutes`. */
int64_t metrics_minute(int64_t time_us);
int64_t metrics_floor(int64_t minute, int64_t minutes);

/* Takes a row in, as measured after what is in `measures`. */
bool metrics_row_add(const Store *store, MDB_val row, Measures *measures, GError **error);

/* What the record adds to an outcome. Negative times: not known, or not to be counted. */
typedef struct {
    int64_t age_us;     /* from the event to the start of the invocation */
    int64_t latency_us; /* from the upload to the end of the work */
    bool is_retry;
    bool is_dropped; /* given up */
} MetricsContext;

/* Counts what `outcome` cost and what came of it. */
void metrics_count(Store *store, const StoreOutcome *outcome, const MetricsContext *context);

/* Counts a value in at a time; a batch is open. */
void metrics_add(Store *store, Metric metric, int64_t time_us, int64_t value);

/* What there is to read. */
typedef struct {
    int64_t started_us;         /* wall clock of the first thing counted; 0: nothing yet */
    int64_t from[METRIC_SPANS]; /* rows of the span are complete from this minute on; a multiple of
                                    those of the next coarser span */
} MetricsKept;

bool metrics_kept(Store *store, MDB_txn *txn, MetricsKept *ret_kept, GError **error);
bool metrics_put_kept(Store *store, MDB_txn *txn, const MetricsKept *kept, GError **error);
