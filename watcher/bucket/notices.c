/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warnings that an uploader can cause in any number: one line per scan, with the first name and
 * a count.
 */
#include "bucket/bucket_private.h"

#include "base/clock.h"
#include "base/units.h"

/* Shortest time between two lines of one kind. */
#define NOTICE_US CLOCK_MINUTE_US

/* Warns with the first of several like messages, and the number of the others. */
static void print_notice(Bucket *bucket, Notice *notice)
{
    g_autofree char *first = g_steal_pointer(&notice->first);
    uint64_t others = notice->n - 1;
    notice->n = 0;
    notice->logged_us = clock_monotonic_us();
    if (others == 0) {
        bucket_warn(bucket, "%s", first);
        return;
    }
    g_autofree char *count = units_format_count((int64_t)others);
    bucket_warn(bucket, "%s; and %s more", first, count);
}

void notices_print(Bucket *bucket)
{
    for (int kind = 0; kind < NOTICES; kind++) {
        if (bucket->notices[kind].n > 0)
            print_notice(bucket, &bucket->notices[kind]);
    }
}

static void notices_due(void *data)
{
    Bucket *bucket = data;
    bucket_enter(bucket);
    /* While a scan runs, its end prints the warnings. */
    if (!bucket->scan.running)
        notices_print(bucket);
    bucket_leave(bucket);
}

void notices_add(Bucket *bucket, NoticeKind kind, char *text)
{
    Notice *notice = &bucket->notices[kind];
    if (notice->n++ == 0)
        notice->first = text;
    else
        g_free(text);
    if (bucket->scan.running)
        return;
    int64_t now_us = clock_monotonic_us();
    if (notice->logged_us == 0 || now_us >= notice->logged_us + NOTICE_US)
        print_notice(bucket, notice);
    else
        timer_set_earlier(bucket->notices_timer, notice->logged_us + NOTICE_US);
}

void notices_add_long_path(Bucket *bucket, const TreeNode *folder, const char *name)
{
    Notice *notice = &bucket->notices[NOTICE_LONG_PATH];
    /* The warning is only counted; its text is not needed. */
    if (notice->n > 0) {
        notices_add(bucket, NOTICE_LONG_PATH, NULL);
        return;
    }
    g_autofree char *end = g_strdup_printf("%s/%s", folder->name, name);
    g_autofree char *text = object_key_to_text(end, NULL);
    notices_add(bucket, NOTICE_LONG_PATH,
                g_strdup_printf("a path is longer than %d bytes and is skipped: '.../%s'",
                                OBJECT_KEY_MAX, text));
}

void notices_init(Bucket *bucket)
{
    bucket->notices_timer = timer_new(PRIORITY_TIMERS, notices_due, bucket);
}

void notices_clear(Bucket *bucket)
{
    timer_free(bucket->notices_timer);
    for (int kind = 0; kind < NOTICES; kind++)
        g_clear_pointer(&bucket->notices[kind].first, g_free);
}
