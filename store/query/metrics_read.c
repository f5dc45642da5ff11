/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads metrics of any period from as few rows as possible: whole days and hours in its middle,
 * minutes at its ends.
 */
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/snapshot.h"
#include "tables/metric_rows.h"
#include "tables/retention.h"

#include <string.h>

/* A period in minutes since 1970; `until` is not included. */
typedef struct {
    int64_t since, until;
} Range;

static int64_t ceiling(int64_t minute, int64_t minutes)
{
    return metrics_floor(minute + minutes - 1, minutes);
}

typedef struct {
    Store *store;
    /* NULL: an older store, whose metrics are not read. */
    MDB_cursor *cursor;
    Measures *measures;
} MetricsReader;

static int get(const MetricsReader *reader, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    return reader->cursor ? mdb_cursor_get(reader->cursor, key, value, op) : MDB_NOTFOUND;
}

/*
 * Checks why reading has ended: with `rc` MDB_NOTFOUND there are no more rows, any other value is
 * an error.
 */
static bool check_end(const MetricsReader *reader, int rc, GError **error)
{
    return rc == MDB_NOTFOUND || env_fail(reader->store, rc, "cannot read store", error);
}

/* Adds the rows of a span. */
static bool read_span(const MetricsReader *reader, Span span, Range range, GError **error)
{
    uint8_t bytes[METRICS_KEY_LEN];
    MDB_val key = {metrics_row_key(span, range.since, bytes), bytes};
    MDB_val value;

    if (range.since >= range.until)
        return true;
    int rc = get(reader, &key, &value, MDB_SET_RANGE);
    for (; rc == 0; rc = get(reader, &key, &value, MDB_NEXT)) {
        const uint8_t *at = key.mv_data;
        if (key.mv_size != METRICS_KEY_LEN || at[0] != metric_spans[span].number ||
            key_get_i64(at + 1) >= range.until)
            return true;
        if (!metrics_row_add(reader->store, value, reader->measures, error))
            return false;
    }
    return check_end(reader, rc, error);
}

/*
 * Copies the levels from the last row of the span before `minute`: a level stays until it changes.
 */
static bool carry_span(const MetricsReader *reader, Span span, int64_t minute, GError **error)
{
    uint8_t bytes[METRICS_KEY_LEN];
    MDB_val key = {metrics_row_key(span, minute, bytes), bytes};
    MDB_val value;
    g_autofree Measures *before = g_new0(Measures, 1);
    int rc = get(reader, &key, &value, MDB_SET_RANGE);

    rc = get(reader, &key, &value, rc == 0 ? MDB_PREV : MDB_LAST);
    for (; rc == 0; rc = get(reader, &key, &value, MDB_PREV)) {
        if (*(const uint8_t *)key.mv_data != metric_spans[span].number)
            return true;
        if (!metrics_row_add(reader->store, value, before, error))
            return false;
        if (before->has_levels)
            break;
    }
    for (Metric metric = 0; before->has_levels && metric < METRIC_DISTRIBUTIONS_FROM; metric++) {
        if (metric_info(metric)->kind == METRIC_LEVEL)
            measures_add(reader->measures, metric, before->last[metric]);
    }
    reader->measures->has_data = false;
    return rc == 0 || check_end(reader, rc, error);
}

static bool carry_levels(const MetricsReader *reader, int64_t minute, GError **error)
{
    for (Span span = SPAN_MINUTE; span > SPAN_ALL && !reader->measures->has_levels; span--) {
        if (!carry_span(reader, span, metrics_floor(minute, metric_spans[span].minutes), error))
            return false;
    }
    return true;
}

/* Moves the ends outward to the limits of rows that exist. */
static Range align(Range range, const MetricsKept *kept)
{
    for (Span span = SPAN_MINUTE; span > SPAN_DAY; span--) {
        int64_t coarser = metric_spans[span - 1].minutes;
        if (range.since < kept->from[span])
            range.since = metrics_floor(range.since, coarser);
        if (range.until < kept->from[span])
            range.until = ceiling(range.until, coarser);
    }
    return range;
}

/*
 * Adds a range from rows of `span`, in the order of time; whole rows of the next coarser span
 * inside it are used instead.
 */
static bool read_range(const MetricsReader *reader, Span span, Range range, const MetricsKept *kept,
                       GError **error)
{
    Range inner = {range.since, range.since};

    if (span > SPAN_DAY) {
        int64_t coarser = metric_spans[span - 1].minutes;
        /* Only days may be missing: the range was aligned to hours that exist. */
        bool may_lack = span - 1 == SPAN_DAY;
        int64_t from = may_lack ? MAX(range.since, kept->from[SPAN_DAY]) : range.since;
        inner.since = ceiling(from, coarser);
        inner.until = metrics_floor(range.until, coarser);
    }
    if (inner.since >= inner.until)
        return read_span(reader, span, range, error);
    return read_span(reader, span, (Range){range.since, inner.since}, error) &&
           read_range(reader, span - 1, inner, kept, error) &&
           read_span(reader, span, (Range){inner.until, range.until}, error);
}

static bool read_all_time(const MetricsReader *reader, GError **error)
{
    uint8_t bytes[METRICS_KEY_LEN];
    MDB_val key = {metrics_row_key(SPAN_ALL, 0, bytes), bytes};
    MDB_val value;
    int rc = get(reader, &key, &value, MDB_SET);

    return rc == 0 ? metrics_row_add(reader->store, value, reader->measures, error)
                   : check_end(reader, rc, error);
}

/*
 * Reads the metrics between the two times of `metrics`, which are set to the ends of whole cells.
 */
static bool read_metrics(const MetricsReader *reader, StoreSnapshot *snapshot,
                         StoreMetrics *metrics, GError **error)
{
    MetricsKept kept;

    if (metrics->since_us == INT64_MIN && metrics->until_us == INT64_MAX)
        return read_all_time(reader, error);
    if (!retention_kept(snapshot->store, snapshot->txn, &kept, error))
        return false;

    /* Leaves room to move the ends outward. */
    int64_t since_us = MAX(metrics->since_us, INT64_MIN / 2);
    int64_t until_us = MIN(metrics->until_us, INT64_MAX / 2);
    Range range = {metrics_minute(since_us), metrics_minute(MAX(until_us, since_us) - 1) + 1};
    range = align(range, &kept);
    metrics->since_us = range.since * METRICS_MINUTE_US;
    metrics->until_us = range.until * METRICS_MINUTE_US;
    return carry_levels(reader, range.since, error) &&
           read_range(reader, SPAN_MINUTE, range, &kept, error);
}

bool store_metrics(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us,
                   StoreMetrics *ret_metrics, GError **error)
{
    Store *store = snapshot->store;
    MetricsReader reader = {.store = store, .measures = &ret_metrics->measures};

    if (!env_cursor(store, snapshot->txn, TABLE_METRICS, &reader.cursor, error))
        return false;
    memset(ret_metrics, 0, sizeof *ret_metrics);
    ret_metrics->since_us = since_us;
    ret_metrics->until_us = until_us;
    bool ok = read_metrics(&reader, snapshot, ret_metrics, error);
    g_clear_pointer(&reader.cursor, mdb_cursor_close);
    return ok;
}

bool store_bill(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us, Bill *ret_bill,
                GError **error)
{
    Store *store = snapshot->store;
    g_autofree Measures *measures = g_new0(Measures, 1);
    MetricsReader reader = {.store = store, .measures = measures};
    Range range = {metrics_minute(since_us), metrics_minute(until_us)};
    MetricsKept kept;

    if (!env_cursor(store, snapshot->txn, TABLE_METRICS, &reader.cursor, error))
        return false;
    bool ok = read_span(&reader, SPAN_DAY, range, error) &&
              retention_kept(store, snapshot->txn, &kept, error);
    g_clear_pointer(&reader.cursor, mdb_cursor_close);
    if (!ok)
        return false;
    *ret_bill = (Bill){
        .requests = (uint64_t)measures->values[METRIC_INVOCATIONS],
        .billed_ms = (uint64_t)measures->values[METRIC_BILLED_DURATION],
        .billed_mb_ms = (uint64_t)measures->values[METRIC_BILLED_MEMORY],
        .counted_since_us = kept.started_us,
    };
    return true;
}

#define SHAPE_FIRST_US INT64_C(1024)

static Quantiles quantiles_of(const Histogram *histogram)
{
    Quantiles quantiles = {
        .count = histogram->count,
        .p50 = histogram_quantile(histogram, 0.50),
        .p90 = histogram_quantile(histogram, 0.90),
        .p99 = histogram_quantile(histogram, 0.99),
        .max = histogram->max,
    };
    uint64_t before = 0;

    for (size_t i = 0; i < QUANTILES_SHAPE_CELLS; i++) {
        uint64_t below = i + 1 < QUANTILES_SHAPE_CELLS
                             ? histogram_count_below(histogram, SHAPE_FIRST_US << i)
                             : histogram->count;
        quantiles.shape[i] = below - before;
        before = below;
    }
    return quantiles;
}

bool store_invocations(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us,
                       InvocationFigures *ret_invocations, GError **error)
{
    g_autofree StoreMetrics *metrics = g_new(StoreMetrics, 1);
    const Measures *measures = &metrics->measures;

    if (!store_metrics(snapshot, since_us, until_us, metrics, error))
        return false;
    *ret_invocations = (InvocationFigures){
        .invocations = (uint64_t)measures->values[METRIC_INVOCATIONS],
        .errors = (uint64_t)measures->values[METRIC_ERRORS],
        .retries = (uint64_t)measures->values[METRIC_RETRIES],
        .duration = quantiles_of(measures_distribution(measures, METRIC_DURATION)),
        .latency = quantiles_of(measures_distribution(measures, METRIC_LATENCY)),
    };
    return true;
}
