/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for files without a close event: probes each at growing intervals until no process writes
 * to it, and reports it then. A file that is gone by then is not reported. */
#include "bucket/bucket_private.h"

#include "base/clock.h"

/* A file that may be complete, but for which no close event will come. */
typedef struct {
    /* Time of the next probe. */
    int64_t due_us;
    /* Time between the last probe and the next. */
    int64_t wait_us;
} Settling;

void settle_push(Bucket *bucket, const char *key)
{
    int64_t due_us = clock_monotonic_us() + SETTLE_QUIET_US;
    Settling *settling = g_hash_table_lookup(bucket->settling, key);

    if (settling) {
        settling->due_us = due_us;
        /* The timer still fires at the old time and finds nothing due. */
        return;
    }
    if (g_hash_table_size(bucket->settling) >= SETTLE_MAX) {
        bucket_rescan_soon(bucket);
        return;
    }
    settling = g_new(Settling, 1);
    *settling = (Settling){.due_us = due_us, .wait_us = SETTLE_QUIET_US};
    g_hash_table_insert(bucket->settling, g_strdup(key), settling);
    timer_set_earlier(bucket->settle_timer, due_us);
}

void settle_remove(Bucket *bucket, const char *key)
{
    g_hash_table_remove(bucket->settling, key);
}

/* Probes a file; true if the wait for it has ended. */
static bool settle_probe(Bucket *bucket, const char *key, Settling *settling, int64_t now_us)
{
    struct stat st;
    BeneathState state = bucket_probe(bucket, key, &st);

    if (state == BENEATH_BUSY) {
        settling->wait_us = MIN(settling->wait_us * 2, SETTLE_POLL_MAX_US);
        settling->due_us = now_us + settling->wait_us;
        return false;
    }
    if (state != BENEATH_GONE)
        bucket_report_object(bucket, key, &st, false);
    return true;
}

/* Checks the files that were being written, as far as they are due and time allows. */
static void settle_due(void *data)
{
    Bucket *bucket = data;
    int64_t start_us = clock_monotonic_us();
    int64_t next_us = INT64_MAX;
    GHashTableIter iter;
    gpointer key, value;

    bucket_enter(bucket);
    g_hash_table_iter_init(&iter, bucket->settling);
    while (!bucket_has_ended(bucket) && g_hash_table_iter_next(&iter, &key, &value)) {
        Settling *settling = value;
        int64_t now_us = clock_monotonic_us();
        bool is_due = settling->due_us <= start_us && now_us < start_us + SLICE_US;
        if (is_due && settle_probe(bucket, key, settling, now_us))
            g_hash_table_iter_remove(&iter);
        else
            next_us = MIN(next_us, settling->due_us);
    }
    if (next_us != INT64_MAX && !bucket_has_ended(bucket))
        timer_set(bucket->settle_timer, next_us);
    bucket_leave(bucket);
}

void settle_init(Bucket *bucket)
{
    bucket->settling = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    bucket->settle_timer = timer_new(PRIORITY_TIMERS, settle_due, bucket);
}

void settle_clear(Bucket *bucket)
{
    g_hash_table_unref(bucket->settling);
    timer_free(bucket->settle_timer);
}
