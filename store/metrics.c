#include "clock.h"
#include "histogram.h"
#include "pack.h"
#include "store_internal.h"

/*
 * Row: key: span u8, and with SPAN_HOUR the hour since 1970 i64; value: Counters, then the
 * histograms of duration and latency.
 */
enum { SPAN_ALL = 0, SPAN_HOUR = 1 };

#define US_PER_HOUR  (INT64_C(3600) * CLOCK_US_PER_SEC)
#define COUNTERS_LEN (7 * 8)

typedef struct {
    uint64_t invocations, errors, retries;
    uint64_t billed_ms;
    int64_t duration_us, cpu_us, memory_max;
} Counters;

typedef struct {
    int64_t hour; /* key in the batch's hash table */
    Counters counters;
    Histogram duration, latency;
} Metrics;

GHashTable *metrics_table_new(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

static int64_t hour_of(int64_t time_us)
{
    return time_us / US_PER_HOUR - (time_us % US_PER_HOUR < 0);
}

static Metrics *batch_metrics(Store *store, int64_t time_us)
{
    int64_t hour = hour_of(time_us);
    Metrics *metrics = g_hash_table_lookup(store->metrics, &hour);

    if (!metrics) {
        metrics = g_new0(Metrics, 1);
        metrics->hour = hour;
        g_hash_table_insert(store->metrics, &metrics->hour, metrics);
    }
    return metrics;
}

/* What failed by itself: neither a file that is no image, nor one that changed meanwhile. */
static bool is_error(ErrorCode code)
{
    ErrorClass class = error_class(code);
    return code != ERROR_NONE && class != ERROR_CLASS_SKIP && class != ERROR_CLASS_AGAIN;
}

static void count_invocation(Metrics *metrics, const StoreOutcome *outcome, bool is_retry)
{
    const RecordAttempt *attempt = &outcome->attempt;
    Counters *counters = &metrics->counters;

    counters->invocations++;
    counters->errors += is_error(outcome->error);
    counters->retries += is_retry;
    counters->billed_ms +=
        (uint64_t)(attempt->duration_us + CLOCK_US_PER_MS - 1) / (uint64_t)CLOCK_US_PER_MS;
    counters->duration_us += attempt->duration_us;
    counters->cpu_us += attempt->cpu_us;
    counters->memory_max = MAX(counters->memory_max, attempt->memory_bytes);
    histogram_add(&metrics->duration, attempt->duration_us);
}

void metrics_count(Store *store, const StoreOutcome *outcome, bool is_retry, int64_t latency_us)
{
    bool was_invoked = outcome->attempt.start_us != 0;
    int64_t time_us = was_invoked ? outcome->attempt.start_us : outcome->now_us;

    if (was_invoked)
        count_invocation(batch_metrics(store, time_us), outcome, is_retry);
    if (latency_us >= 0)
        histogram_add(&batch_metrics(store, time_us)->latency, latency_us);
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static size_t row_key(uint8_t span, int64_t hour, uint8_t ret_key[static 9])
{
    ret_key[0] = span;
    (void)key_put_i64(ret_key + 1, hour);
    return span == SPAN_ALL ? 1 : 9;
}

static void merge(Metrics *metrics, const Metrics *other)
{
    metrics->counters.invocations += other->counters.invocations;
    metrics->counters.errors += other->counters.errors;
    metrics->counters.retries += other->counters.retries;
    metrics->counters.billed_ms += other->counters.billed_ms;
    metrics->counters.duration_us += other->counters.duration_us;
    metrics->counters.cpu_us += other->counters.cpu_us;
    metrics->counters.memory_max = MAX(metrics->counters.memory_max, other->counters.memory_max);
    histogram_merge(&metrics->duration, &other->duration);
    histogram_merge(&metrics->latency, &other->latency);
}

static void row_encode(const Metrics *metrics, GByteArray *buffer)
{
    const Counters *counters = &metrics->counters;

    g_byte_array_set_size(buffer, COUNTERS_LEN);

    Packer packer = {.data = buffer->data, .max = COUNTERS_LEN};
    pack_u64(&packer, counters->invocations);
    pack_u64(&packer, counters->errors);
    pack_u64(&packer, counters->retries);
    pack_u64(&packer, counters->billed_ms);
    pack_i64(&packer, counters->duration_us);
    pack_i64(&packer, counters->cpu_us);
    pack_i64(&packer, counters->memory_max);
    histogram_encode(&metrics->duration, buffer);
    histogram_encode(&metrics->latency, buffer);
}

/* Adds the row to `metrics`. */
static bool row_decode_add(const Store *store, MDB_val row, Metrics *metrics, GError **error)
{
    Unpacker unpacker = {.data = row.mv_data, .len = row.mv_size};
    Counters counters;

    counters.invocations = unpack_u64(&unpacker);
    counters.errors = unpack_u64(&unpacker);
    counters.retries = unpack_u64(&unpacker);
    counters.billed_ms = unpack_u64(&unpacker);
    counters.duration_us = unpack_i64(&unpacker);
    counters.cpu_us = unpack_i64(&unpacker);
    counters.memory_max = unpack_i64(&unpacker);

    const uint8_t *at = unpacker.data + unpacker.at;
    size_t left = unpacker.len - unpacker.at;
    if (unpacker.failed || !histogram_decode_add(&metrics->duration, &at, &left) ||
        !histogram_decode_add(&metrics->latency, &at, &left) || left != 0)
        return env_fail_corrupt(store, "metrics cannot be read", error);

    Metrics only_counters = {.counters = counters};
    merge(metrics, &only_counters);
    return true;
}

static bool flush_row(Store *store, uint8_t span, const Metrics *added, GError **error)
{
    uint8_t bytes[9];
    MDB_val key = {row_key(span, added->hour, bytes), bytes};
    MDB_val value;
    g_autofree Metrics *metrics = g_memdup2(added, sizeof *added);
    bool found;

    if (!env_get(store, store->batch, TABLE_METRICS, key, &found, &value, error) ||
        (found && !row_decode_add(store, value, metrics, error)))
        return false;
    row_encode(metrics, store->buffer);
    return batch_put(store, TABLE_METRICS, key, (MDB_val){store->buffer->len, store->buffer->data},
                     0, error);
}

bool metrics_flush(Store *store, GError **error)
{
    GHashTableIter iter;
    gpointer metrics;

    g_hash_table_iter_init(&iter, store->metrics);
    while (g_hash_table_iter_next(&iter, NULL, &metrics)) {
        if (!flush_row(store, SPAN_HOUR, metrics, error) ||
            !flush_row(store, SPAN_ALL, metrics, error))
            return false;
    }
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static bool read_all_time(StoreSnapshot *snapshot, Metrics *metrics, GError **error)
{
    uint8_t bytes[9];
    MDB_val key = {row_key(SPAN_ALL, 0, bytes), bytes};
    MDB_val value;
    bool found;

    return env_get(snapshot->store, snapshot->txn, TABLE_METRICS, key, &found, &value, error) &&
           (!found || row_decode_add(snapshot->store, value, metrics, error));
}

static bool read_hours(StoreSnapshot *snapshot, int64_t first, int64_t last, Metrics *metrics,
                       GError **error)
{
    Store *store = snapshot->store;
    uint8_t bytes[9];
    MDB_val key = {row_key(SPAN_HOUR, first, bytes), bytes};
    MDB_val value;
    MDB_cursor *cursor;
    bool ok = true;
    int rc = mdb_cursor_open(snapshot->txn, store->tables[TABLE_METRICS], &cursor);

    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    for (rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE); ok && rc == 0;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        if (key.mv_size != sizeof bytes || key_get_i64((const uint8_t *)key.mv_data + 1) > last)
            break;
        ok = row_decode_add(store, value, metrics, error);
    }
    mdb_cursor_close(cursor);
    return ok && (rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error));
}

#define SHAPE_FIRST_US INT64_C(1024)

static StoreQuantiles quantiles_of(const Histogram *histogram)
{
    StoreQuantiles quantiles = {
        .count = histogram->count,
        .p50 = histogram_quantile(histogram, 0.50),
        .p90 = histogram_quantile(histogram, 0.90),
        .p99 = histogram_quantile(histogram, 0.99),
        .max = histogram->max,
    };
    uint64_t before = 0;

    for (size_t i = 0; i < STORE_SHAPE_CELLS; i++) {
        uint64_t below = i + 1 < STORE_SHAPE_CELLS
                             ? histogram_count_below(histogram, SHAPE_FIRST_US << i)
                             : histogram->count;
        quantiles.shape[i] = below - before;
        before = below;
    }
    return quantiles;
}

bool store_invocations(StoreSnapshot *snapshot, int64_t since_us, int64_t until_us,
                       StoreInvocations *ret_invocations, GError **error)
{
    g_autofree Metrics *metrics = g_new0(Metrics, 1);
    bool is_all_time = since_us == INT64_MIN && until_us == INT64_MAX;
    bool ok = true;

    if (is_all_time)
        ok = read_all_time(snapshot, metrics, error);
    else if (since_us < until_us)
        ok = read_hours(snapshot, hour_of(since_us), hour_of(until_us - 1), metrics, error);
    if (!ok)
        return false;
    *ret_invocations = (StoreInvocations){
        .invocations = metrics->counters.invocations,
        .errors = metrics->counters.errors,
        .retries = metrics->counters.retries,
        .billed_ms = metrics->counters.billed_ms,
        .duration_us = metrics->counters.duration_us,
        .cpu_us = metrics->counters.cpu_us,
        .memory_max = metrics->counters.memory_max,
        .duration = quantiles_of(&metrics->duration),
        .latency = quantiles_of(&metrics->latency),
    };
    return true;
}
