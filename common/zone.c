/* SPDX-License-Identifier: Apache-2.0 */
#include "zone.h"

#include "clock.h"

#include <glib.h>
#include <string.h>
#include <time.h>

/* Clocks are changed on the quarter of an hour. */
#define SLOT_US   (900 * CLOCK_US_PER_SEC)
#define SLOTS     256
#define MINUTE_US (60 * CLOCK_US_PER_SEC)
#define WEEK_S    (7 * 86400)
#define YEAR_2038 INT64_C(2145916800)

static struct {
    bool is_used;
    int64_t slot;
    int offset_min;
} slots[SLOTS];

static bool is_read;
static uint64_t fingerprint; /* 0: not known */

void zone_refresh(void)
{
    tzset();
    memset(slots, 0, sizeof slots);
    fingerprint = 0;
    is_read = true;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int look_up(int64_t seconds)
{
    time_t at = (time_t)CLAMP(seconds, INT64_C(-62135596800), INT64_C(253402300799));
    struct tm fields;

    if (!localtime_r(&at, &fields))
        return 0;
    int64_t minutes = floor_divide(fields.tm_gmtoff, 60);
    return (int)CLAMP(minutes, -ZONE_OFFSET_MAX, ZONE_OFFSET_MAX);
}

int zone_offset_min(int64_t utc_us)
{
    int64_t slot = floor_divide(utc_us, SLOT_US);
    size_t i = (size_t)((uint64_t)slot % SLOTS);

    if (!is_read)
        zone_refresh();
    if (!slots[i].is_used || slots[i].slot != slot) {
        slots[i].offset_min = look_up(floor_divide(utc_us, CLOCK_US_PER_SEC));
        slots[i].slot = slot;
        slots[i].is_used = true;
    }
    return slots[i].offset_min;
}

int64_t zone_to_wall_us(int64_t utc_us)
{
    return utc_us + zone_offset_min(utc_us) * MINUTE_US;
}

int64_t zone_from_wall_us(int64_t wall_us)
{
    /* The offset of a day before: where it still holds, it is the one before a change. */
    int64_t before_us = wall_us - zone_offset_min(wall_us - 86400 * CLOCK_US_PER_SEC) * MINUTE_US;
    int64_t after_us = wall_us - zone_offset_min(before_us) * MINUTE_US;

    /* A time that the clock leaves out is taken to be as long after the change. */
    return zone_to_wall_us(before_us) != wall_us && zone_to_wall_us(after_us) == wall_us
               ? after_us
               : before_us;
}

/* Offsets of each week: FNV-1a. */
uint64_t zone_fingerprint(void)
{
    if (!is_read)
        zone_refresh();
    if (fingerprint != 0)
        return fingerprint;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (int64_t at = 0; at < YEAR_2038; at += WEEK_S) {
        hash ^= (uint64_t)(uint32_t)look_up(at);
        hash *= UINT64_C(1099511628211);
    }
    fingerprint = hash != 0 ? hash : 1;
    return fingerprint;
}
