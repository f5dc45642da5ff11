/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zone.h"

#include "base/clock_units.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Time zones change their offset only at a quarter of an hour. */
#define SLOT_US   (900 * CLOCK_US_PER_SEC)
#define SLOTS     256
#define WEEK_S    INT64_C(604800)
#define YEAR_2038 INT64_C(2145916800)

static struct {
    bool is_used;
    int64_t slot;
    int offset_min;
} slots[SLOTS];

static bool is_read;
/* 0: not computed yet. */
static uint64_t fingerprint;

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

/* Returns how many minutes the local time is ahead of UTC at a time. */
static int compute_offset_min(int64_t seconds)
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
        slots[i].offset_min = compute_offset_min(floor_divide(utc_us, CLOCK_US_PER_SEC));
        slots[i].slot = slot;
        slots[i].is_used = true;
    }
    return slots[i].offset_min;
}

int64_t zone_to_wall_us(int64_t utc_us)
{
    return utc_us + zone_offset_min(utc_us) * CLOCK_MINUTE_US;
}

int64_t zone_from_wall_us(int64_t wall_us)
{
    /* If the offset of the day before still holds, it is the offset before a change. */
    int64_t before_us = wall_us - zone_offset_min(wall_us - CLOCK_DAY_US) * CLOCK_MINUTE_US;
    int64_t after_us = wall_us - zone_offset_min(before_us) * CLOCK_MINUTE_US;

    /* A local time that the change skips is moved ahead by the length of the gap. */
    return zone_to_wall_us(before_us) != wall_us && zone_to_wall_us(after_us) == wall_us
               ? after_us
               : before_us;
}

/* Returns the FNV-1a hash of the offsets, one per week. */
uint64_t zone_fingerprint(void)
{
    if (!is_read)
        zone_refresh();
    if (fingerprint != 0)
        return fingerprint;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (int64_t at = 0; at < YEAR_2038; at += WEEK_S) {
        hash ^= (uint64_t)(uint32_t)compute_offset_min(at);
        hash *= UINT64_C(1099511628211);
    }
    fingerprint = hash != 0 ? hash : 1;
    return fingerprint;
}
