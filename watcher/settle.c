/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket_private.h"

#include "clock.h"

/* A file that may be whole, and of which no event will say so. */
typedef struct {
    int64_t due_us;  /* when to probe it */
    int64_t wait_us; /* between the last probe and the next */
} Settling;

void settle_push(Bucket *bucket, const char *key)
{
    int64_t due_us = clock_monotonic_us() + SETTLE_QUIET_US;
    Settling *settling = g_hash_table_lookup(bucket->settling, key);

    if (settling) {
        settling->due_us = due_us;
        return; /* the alarm rings too early, and sees that */
    }
    if (g_hash_table_size(bucket->settling) >= SETTLE_MAX) {
        bucket_rescan_soon(bucket);
        return;
    }
    settling = g_new(Settling, 1);
    *settling = (Settling){.due_us = due_us, .wait_us = SETTLE_QUIET_US};
    g_hash_table_insert(bucket->settling, g_strdup(key), settling);
    alarm_set_earlier(bucket->settle_alarm, due_us);
}

void settle_remove(Bucket *bucket, const char *key)
{
    g_hash_table_remove(bucket->settling, key);
}

/* True if the file need not be waited for any longer. */
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

static void settle_ring(void *data)
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
        alarm_set(bucket->settle_alarm, next_us);
    bucket_leave(bucket);
}

void settle_init(Bucket *bucket)
{
    bucket->settling = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    bucket->settle_alarm = alarm_new(PRIORITY_TIMERS, settle_ring, bucket);
}

void settle_clear(Bucket *bucket)
{
    g_hash_table_unref(bucket->settling);
    alarm_free(bucket->settle_alarm);
}
