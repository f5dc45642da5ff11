/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts metrics: a batch adds up its values by the minute in memory; store_commit adds them to the
 * rows of the minute, the hour, the day, and all time.
 */
#include "tables/metric_rows.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "tables/totals.h"

const MetricSpan metric_spans[METRIC_SPANS] = {
    [SPAN_ALL] = {0, 0},
    [SPAN_DAY] = {3, 24 * 60},
    [SPAN_HOUR] = {2, 60},
    [SPAN_MINUTE] = {1, 1},
};

int64_t metrics_minute(int64_t time_us)
{
    return time_us / METRICS_MINUTE_US - (time_us % METRICS_MINUTE_US < 0);
}

int64_t metrics_floor(int64_t minute, int64_t minutes)
{
    return minute - ((minute % minutes) + minutes) % minutes;
}

size_t metrics_row_key(Span span, int64_t minute, uint8_t ret_key[static METRICS_KEY_LEN])
{
    ret_key[0] = metric_spans[span].number;
    (void)key_put_i64(ret_key + 1, minute);
    return span == SPAN_ALL ? 1 : METRICS_KEY_LEN;
}

bool metrics_row_add(const Store *store, MDB_val row, Measures *measures, GError **error)
{
    return measures_decode_merge(measures, row.mv_data, row.mv_size) ||
           env_fail_corrupt(store, "metrics cannot be read", error);
}

typedef struct {
    /* Minutes since 1970; key in the hash table of the batch. */
    int64_t minute;
    Measures measures;
} MinuteRow;

void metrics_init(Store *store)
{
    store->metrics = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

void metrics_clear(Store *store, bool is_committed)
{
    /* Values that were written must not be added again. */
    (void)is_committed;
    g_hash_table_remove_all(store->metrics);
}

void metrics_free(Store *store)
{
    g_hash_table_unref(store->metrics);
}

/* Returns the measures that the batch adds to a minute. */
static Measures *batch_minute(Store *store, int64_t time_us)
{
    int64_t minute = metrics_minute(time_us);
    MinuteRow *row = g_hash_table_lookup(store->metrics, &minute);

    if (!row) {
        row = g_new0(MinuteRow, 1);
        row->minute = minute;
        g_hash_table_insert(store->metrics, &row->minute, row);
    }
    return &row->measures;
}

void metrics_add(Store *store, Metric metric, int64_t time_us, int64_t value)
{
    measures_add(batch_minute(store, time_us), metric, value);
}

void store_measure(Store *store, Metric metric, int64_t time_us, int64_t value)
{
    if (store->batch)
        metrics_add(store, metric, time_us, value);
}

/*
 * True for a failure of the work itself: not for a file that is no image, and not for one that
 * changed meanwhile.
 */
static bool is_error(const StoreOutcome *outcome)
{
    ErrorCode code = outcome->error;
    ErrorClass class = error_class(code);
    return outcome->state != STATE_SKIPPED && code != ERROR_NONE && class != ERROR_CLASS_SKIP &&
           class != ERROR_CLASS_AGAIN;
}

static void count_invocation(Measures *measures, const StoreOutcome *outcome, bool is_retry)
{
    const Attempt *attempt = &outcome->attempt;
    int64_t billed_ms = (attempt->duration_us + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS;

    measures_add(measures, METRIC_INVOCATIONS, 1);
    measures_add(measures, METRIC_ERRORS, is_error(outcome));
    measures_add(measures, METRIC_RETRIES, is_retry);
    measures_add(measures, METRIC_BILLED_DURATION, billed_ms);
    measures_add(measures, METRIC_BILLED_MEMORY, billed_ms * outcome->memory_mb);
    measures_add(measures, METRIC_CPU_TIME, attempt->cpu_us);
    measures_add(measures, METRIC_MEMORY_USED, attempt->memory_bytes);
    measures_add(measures, METRIC_CONCURRENT_EXECUTIONS, outcome->concurrency);
    measures_add(measures, METRIC_DURATION, attempt->duration_us);
}

void metrics_count(Store *store, const StoreOutcome *outcome, const MetricsContext *context)
{
    bool was_invoked = outcome->attempt.start_us != 0;
    int64_t time_us = was_invoked ? outcome->attempt.start_us : outcome->now_us;

    if (!was_invoked && !context->is_dropped && !outcome->throttled && context->latency_us < 0)
        return;
    Measures *measures = batch_minute(store, time_us);
    measures_add(measures, METRIC_THROTTLES, outcome->throttled);
    measures_add(measures, METRIC_EVENTS_DROPPED, context->is_dropped);
    if (was_invoked) {
        count_invocation(measures, outcome, context->is_retry);
        if (context->age_us >= 0)
            measures_add(measures, METRIC_EVENT_AGE, context->age_us);
    }
    if (context->latency_us >= 0)
        measures_add(measures, METRIC_LATENCY, context->latency_us);
}

/* Measures the levels at the end of the batch, with the time of its latest change. */
static bool measure_levels(Store *store, GError **error)
{
    uint64_t dead;
    MDB_stat queue;

    if (store->changed_us == 0)
        return true;
    int rc = mdb_stat(store->batch, store->tables[TABLE_QUEUE], &queue);
    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    if (!totals_state(store, store->batch, STATE_DEAD, &dead, error))
        return false;
    metrics_add(store, METRIC_QUEUE_DEPTH, store->changed_us, (int64_t)queue.ms_entries);
    metrics_add(store, METRIC_DEAD_LETTERS, store->changed_us, (int64_t)dead);
    return true;
}

/* Adds the measures of a minute to the stored row of the span that contains it. */
static bool flush_row(Store *store, Span span, const MinuteRow *added, Measures *scratch,
                      GError **error)
{
    uint8_t bytes[METRICS_KEY_LEN];
    int64_t minute =
        span == SPAN_ALL ? 0 : metrics_floor(added->minute, metric_spans[span].minutes);
    MDB_val key = {metrics_row_key(span, minute, bytes), bytes};
    MDB_val value;
    bool found;

    memset(scratch, 0, sizeof *scratch);
    if (!env_get(store, store->batch, TABLE_METRICS, key, &found, &value, error) ||
        (found && !metrics_row_add(store, value, scratch, error)))
        return false;
    measures_merge(scratch, &added->measures);
    measures_encode(scratch, store->buffer);
    return batch_put(store, TABLE_METRICS, key, (MDB_val){store->buffer->len, store->buffer->data},
                     0, error);
}

bool metrics_flush(Store *store, GError **error)
{
    GHashTableIter iter;
    gpointer row;

    if (!measure_levels(store, error))
        return false;
    if (g_hash_table_size(store->metrics) == 0)
        return true;

    g_autofree Measures *scratch = g_new(Measures, 1);
    g_hash_table_iter_init(&iter, store->metrics);
    while (g_hash_table_iter_next(&iter, NULL, &row)) {
        for (Span span = 0; span < METRIC_SPANS; span++) {
            if (!flush_row(store, span, row, scratch, error))
                return false;
        }
    }
    return true;
}
