/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of metrics: one per minute, hour and day in which something happened, and one for all
 * time, each with all measures (measures.h). Minutes and hours are deleted after a while; days are
 * kept for ever. Private to the store.
 */
#pragma once

#include "model/measures.h"
#include "store/store.h"

#include <lmdb.h>

#define METRICS_MINUTE_US (INT64_C(60) * 1000000)

/* From coarse to fine. */
typedef enum { SPAN_ALL, SPAN_DAY, SPAN_HOUR, SPAN_MINUTE, METRIC_SPANS } Span;

typedef struct {
    /* First byte of the key. */
    uint8_t number;
    /* Minutes that a row covers; 0: all time. */
    int64_t minutes;
} MetricSpan;

extern const MetricSpan metric_spans[METRIC_SPANS];

/* Key: number of the span u8; then, except for all time, first minute of the row since 1970 i64. */
#define METRICS_KEY_LEN 9
size_t metrics_row_key(Span span, int64_t minute, uint8_t ret_key[static METRICS_KEY_LEN]);

/*
 * metrics_minute: the minute that contains a time. The other: the last multiple of `minutes` that
 * is not after it.
 */
int64_t metrics_minute(int64_t time_us);
int64_t metrics_floor(int64_t minute, int64_t minutes);

/* Merges a row into `measures`, which must be earlier. */
bool metrics_row_add(const Store *store, MDB_val row, Measures *measures, GError **error);

/* Values that the record adds to an outcome. Negative times are unknown or not counted. */
typedef struct {
    /* Time from the event to the start of the invocation. */
    int64_t age_us;
    /* Time from the upload to the end of the work. */
    int64_t latency_us;
    bool is_retry;
    /* The object was given up. */
    bool is_dropped;
} MetricsContext;

/* Counts the costs and the result of an outcome. */
void metrics_count(Store *store, const StoreOutcome *outcome, const MetricsContext *context);

/* Counts a value at a time. A batch must be open. */
void metrics_add(Store *store, Metric metric, int64_t time_us, int64_t value);

/* A stage, see stage.h: writes the values of the batch, after the totals, which it reads. */
void metrics_init(Store *store);
bool metrics_flush(Store *store, GError **error);
void metrics_clear(Store *store, bool is_committed);
void metrics_free(Store *store);
