/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts older stores to the present schema. Records of schema 2 are read in their old form
 * (record.c) and written in the present one when they change. The pass that moves the dates of
 * files to the local zone (daemon/redate.c) changes the ones that need it.
 */
#include "tables/convert.h"

#include "base/pack.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/stage.h"
#include "tables/metric_rows.h"
#include "tables/retention.h"

/*
 * Schema 1: a row of metrics covered one hour (key: 1, number of the hour since 1970 i64) or all
 * time (key: 0). It had seven counters of 8 bytes and two histograms: the greatest value i64, the
 * number of used buckets u16, and for each its index u16 and count u64.
 */
#define OLD_SPAN_HOUR 1

static bool read_old_histogram(Unpacker *unpacker, Histogram *histogram)
{
    histogram->max = unpack_i64(unpacker);
    unsigned used = unpack_u16(unpacker);

    for (unsigned i = 0; i < used; i++) {
        uint16_t bucket = unpack_u16(unpacker);
        uint64_t count = unpack_u64(unpacker);
        if (bucket >= HISTOGRAM_BUCKETS)
            return false;
        histogram->buckets[bucket] += count;
        histogram->count += count;
    }
    return !unpacker->failed && histogram->max >= 0;
}

/* Reads a row of metrics of schema 1. */
static bool read_old_row(MDB_val row, Measures *measures)
{
    static const Metric counters[] = {METRIC_INVOCATIONS, METRIC_ERRORS, METRIC_RETRIES,
                                      METRIC_BILLED_DURATION};
    Unpacker unpacker = {.data = row.mv_data, .len = row.mv_size};
    Histogram *duration = &measures->distributions[METRIC_DURATION - METRIC_DISTRIBUTIONS_FROM];
    Histogram *latency = &measures->distributions[METRIC_LATENCY - METRIC_DISTRIBUTIONS_FROM];

    for (size_t i = 0; i < G_N_ELEMENTS(counters); i++)
        measures->values[counters[i]] = unpack_i64(&unpacker);
    duration->sum = unpack_u64(&unpacker);
    measures->values[METRIC_CPU_TIME] = unpack_i64(&unpacker);
    measures->values[METRIC_MEMORY_USED] = unpack_i64(&unpacker);
    if (!read_old_histogram(&unpacker, duration) || !read_old_histogram(&unpacker, latency))
        return false;
    /* Schema 1 did not store the sum, so it is estimated. */
    latency->sum = histogram_estimate_sum(latency);
    return unpacker.at == unpacker.len;
}

typedef struct {
    Span span;
    int64_t minute;
    /* The row in the present form. */
    GByteArray *bytes;
} NewRow;

static void new_row_free(gpointer data)
{
    NewRow *row = data;

    g_byte_array_unref(row->bytes);
    g_free(row);
}

/* Converts the row of an hour, or of all time. */
static NewRow *convert_row(MDB_val key, MDB_val value)
{
    g_autofree Measures *measures = g_new0(Measures, 1);
    const uint8_t *at = key.mv_data;
    bool is_hour = key.mv_size == METRICS_KEY_LEN && at[0] == OLD_SPAN_HOUR;
    int64_t hour = is_hour ? key_get_i64(at + 1) : 0;

    if (!read_old_row(value, measures) || ABS(hour) > INT64_MAX / 60)
        return NULL;
    NewRow *row = g_new(NewRow, 1);
    *row = (NewRow){is_hour ? SPAN_HOUR : SPAN_ALL, hour * metric_spans[SPAN_HOUR].minutes,
                    g_byte_array_new()};
    measures_encode(measures, row->bytes);
    return row;
}

/* Reads all rows and converts them: at most some ten thousand, one for each hour with any work. */
static bool read_old_rows(Store *store, MDB_txn *txn, GPtrArray *rows, GError **error)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    bool ok = true;
    int rc = mdb_cursor_open(txn, store->tables[TABLE_METRICS], &cursor);

    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    while (ok && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        NewRow *row = convert_row(key, value);
        ok = row || env_fail_corrupt(store, "metrics cannot be read", error);
        if (row)
            g_ptr_array_add(rows, row);
    }
    mdb_cursor_close(cursor);
    return ok && (rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error));
}

/* Replaces all rows of the metrics. */
static bool write_new_rows(Store *store, MDB_txn *txn, const GPtrArray *rows, GError **error)
{
    MDB_dbi dbi = store->tables[TABLE_METRICS];
    int rc = mdb_drop(txn, dbi, 0);

    for (guint i = 0; rc == 0 && i < rows->len; i++) {
        const NewRow *row = g_ptr_array_index(rows, i);
        uint8_t bytes[METRICS_KEY_LEN];
        MDB_val key = {metrics_row_key(row->span, row->minute, bytes), bytes};
        MDB_val value = {row->bytes->len, row->bytes->data};
        rc = mdb_put(txn, dbi, &key, &value, 0);
    }
    return rc == 0 || env_fail(store, rc, "cannot convert store", error);
}

/* Records that the existing hours have no rows by the minute or by the day. */
static bool record_kept(Store *store, MDB_txn *txn, const GPtrArray *rows, GError **error)
{
    MetricsKept kept = {
        .from = {[SPAN_DAY] = INT64_MIN, [SPAN_HOUR] = INT64_MIN, [SPAN_MINUTE] = INT64_MIN}};

    for (guint i = 0; i < rows->len; i++) {
        const NewRow *row = g_ptr_array_index(rows, i);
        int64_t hour = metric_spans[SPAN_HOUR].minutes, day = metric_spans[SPAN_DAY].minutes;
        if (row->span != SPAN_HOUR)
            continue;
        kept.from[SPAN_MINUTE] = MAX(kept.from[SPAN_MINUTE], row->minute + hour);
        kept.from[SPAN_DAY] = MAX(kept.from[SPAN_DAY], metrics_floor(row->minute, day) + day);
    }
    return retention_put_kept(store, txn, &kept, error);
}

bool convert_from(Store *store, MDB_txn *txn, uint32_t version, GError **error)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(new_row_free);

    g_assert(version >= 1 && version < store->schema->version);
    if (version > 1)
        return true;
    return read_old_rows(store, txn, rows, error) && write_new_rows(store, txn, rows, error) &&
           record_kept(store, txn, rows, error);
}
