/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket_private.h"

#include "clock.h"
#include "units.h"

/* Between two lines of one kind. */
#define NOTICE_US (60 * CLOCK_US_PER_SEC)

static void say(Bucket *bucket, Notice *notice)
{
    g_autofree char *first = g_steal_pointer(&notice->first);
    uint64_t others = notice->n - 1;
    notice->n = 0;
    notice->said_us = clock_monotonic_us();
    if (others == 0) {
        bucket_warn(bucket, "%s", first);
        return;
    }
    g_autofree char *count = units_format_count((int64_t)others);
    bucket_warn(bucket, "%s; and %s more", first, count);
}

void notices_say(Bucket *bucket)
{
    for (int kind = 0; kind < NOTICES; kind++) {
        if (bucket->notices[kind].n > 0)
            say(bucket, &bucket->notices[kind]);
    }
}

static void notices_ring(void *data)
{
    Bucket *bucket = data;
    bucket_enter(bucket);
    if (!bucket->scan.running) /* else its end says them */
        notices_say(bucket);
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
    if (notice->said_us == 0 || now_us >= notice->said_us + NOTICE_US)
        say(bucket, notice);
    else
        alarm_set_earlier(bucket->notices_alarm, notice->said_us + NOTICE_US);
}

void notices_add_long_path(Bucket *bucket, const TreeNode *folder, const char *name)
{
    Notice *notice = &bucket->notices[NOTICE_LONG_PATH];
    if (notice->n > 0) { /* only counted: the text is not needed */
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
    bucket->notices_alarm = alarm_new(PRIORITY_TIMERS, notices_ring, bucket);
}

void notices_clear(Bucket *bucket)
{
    alarm_free(bucket->notices_alarm);
    for (int kind = 0; kind < NOTICES; kind++)
        g_clear_pointer(&bucket->notices[kind].first, g_free);
}
