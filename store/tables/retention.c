/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes old data. Each commit deletes a few old rows, more than it can have added, so that the
 * store stays within its limits without any other call.
 */
#include "tables/retention.h"

#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "tables/metric_rows.h"

#include <string.h>

/* Largest number of metric rows that one commit deletes. */
#define DROP_MAX 16

static const StoreRetention default_retention = {
    .minutes_us = INT64_C(15) * 86400 * 1000000,
    .hours_us = INT64_C(455) * 86400 * 1000000,
};

void retention_init(Store *store)
{
    store->retention = g_memdup2(&default_retention, sizeof default_retention);
    store->retention->events_max = store->limits.events_max;
}

void retention_free(Store *store)
{
    g_free(store->retention);
}

void store_set_retention(Store *store, const StoreRetention *retention)
{
    *store->retention = *retention;
}

/*
 * Table meta: started i64, then the first minutes from which on days, hours and minutes exist, i64
 * each.
 */
#define KEPT_LEN (4 * 8)

static const char kept_name[] = "metrics";
static const MDB_val kept_key = {sizeof kept_name - 1, (void *)kept_name};

bool retention_kept(Store *store, MDB_txn *txn, MetricsKept *ret_kept, GError **error)
{
    MDB_val value;
    bool found;

    if (!env_get(store, txn, TABLE_META, kept_key, &found, &value, error))
        return false;
    if (!found) {
        *ret_kept = (MetricsKept){
            .from = {[SPAN_DAY] = INT64_MIN, [SPAN_HOUR] = INT64_MIN, [SPAN_MINUTE] = INT64_MIN}};
        return true;
    }

    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    ret_kept->started_us = unpack_i64(&unpacker);
    for (Span span = SPAN_DAY; span < METRIC_SPANS; span++)
        ret_kept->from[span] = unpack_i64(&unpacker);
    return !unpacker.failed || env_fail_corrupt(store, "its metrics cannot be read", error);
}

bool retention_put_kept(Store *store, MDB_txn *txn, const MetricsKept *kept, GError **error)
{
    uint8_t bytes[KEPT_LEN];
    MDB_val key = kept_key, value = {sizeof bytes, bytes};
    Packer packer = {.data = bytes, .max = sizeof bytes};

    pack_i64(&packer, kept->started_us);
    for (Span span = SPAN_DAY; span < METRIC_SPANS; span++)
        pack_i64(&packer, kept->from[span]);
    int rc = mdb_put(txn, store->tables[TABLE_META], &key, &value, 0);
    return rc == 0 || env_fail(store, rc, "cannot write store", error);
}

/* Returns the time before which rows are too old. */
static int64_t cutoff_of(const Store *store, Span span, int64_t now_us)
{
    int64_t keep_us = span == SPAN_HOUR ? store->retention->hours_us : store->retention->minutes_us;

    if (keep_us == 0)
        return INT64_MIN;
    return metrics_floor(metrics_minute(now_us - keep_us), metric_spans[span - 1].minutes);
}

/* Deletes the first row of the span if its time is before `cutoff`. */
static bool drop_first(Store *store, MDB_cursor *cursor, Span span, int64_t cutoff,
                       bool *ret_dropped, GError **error)
{
    uint8_t bytes[METRICS_KEY_LEN];
    MDB_val key = {metrics_row_key(span, INT64_MIN, bytes), bytes};
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    *ret_dropped = rc == 0 && *(const uint8_t *)key.mv_data == metric_spans[span].number &&
                   key_get_i64((const uint8_t *)key.mv_data + 1) < cutoff;
    if (*ret_dropped)
        rc = mdb_cursor_del(cursor, 0);
    return rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot write store", error);
}

/* Deletes rows of the span whose time is before `cutoff`, at most `max`. */
static bool drop_span(Store *store, Span span, int64_t cutoff, uint64_t max, uint64_t *ret_dropped,
                      GError **error)
{
    MDB_cursor *cursor;
    uint64_t n = 0;
    bool dropped = true, ok = true;
    int rc = mdb_cursor_open(store->batch, store->tables[TABLE_METRICS], &cursor);

    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    while (ok && dropped && n < max) {
        ok = drop_first(store, cursor, span, cutoff, &dropped, error);
        n += ok && dropped;
    }
    mdb_cursor_close(cursor);
    *ret_dropped = n;
    return ok;
}

bool retention_drop_metrics(Store *store, int64_t now_us, uint64_t max, uint64_t *ret_dropped,
                            GError **error)
{
    MetricsKept kept;
    uint64_t total = 0;

    if (!retention_kept(store, store->batch, &kept, error))
        return false;

    MetricsKept before = kept;
    if (kept.started_us == 0)
        kept.started_us = now_us;
    for (Span span = SPAN_HOUR; span < METRIC_SPANS; span++) {
        int64_t cutoff = cutoff_of(store, span, now_us);
        uint64_t dropped = 0;
        if (!drop_span(store, span, cutoff, max, &dropped, error))
            return false;
        if (dropped > 0)
            kept.from[span] = MAX(kept.from[span], cutoff);
        total += dropped;
    }
    *ret_dropped = total;
    return memcmp(&before, &kept, sizeof kept) == 0 ||
           retention_put_kept(store, store->batch, &kept, error);
}

bool retention_flush(Store *store, GError **error)
{
    uint64_t dropped;

    return store->changed_us == 0 ||
           retention_drop_metrics(store, store->changed_us, DROP_MAX, &dropped, error);
}

bool retention_count_metrics(Store *store, MDB_txn *txn, int64_t now_us, uint64_t *ret_n,
                             GError **error)
{
    MDB_val key, value;
    MDB_cursor *cursor;
    uint64_t n = 0;
    int rc = mdb_cursor_open(txn, store->tables[TABLE_METRICS], &cursor);

    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        for (Span span = SPAN_HOUR; span < METRIC_SPANS; span++) {
            const uint8_t *at = key.mv_data;
            n += at[0] == metric_spans[span].number &&
                 key_get_i64(at + 1) < cutoff_of(store, span, now_us);
        }
    }
    mdb_cursor_close(cursor);
    *ret_n = n;
    return rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error);
}
