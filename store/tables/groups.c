/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/groups.h"

#include "base/clock.h"

#include <string.h>

/*
 * 0000-01-01 and 9999-12-31 in days since 1970-01-01. Dates beyond them are counted on these days.
 */
#define DAY_MIN (-719528)
#define DAY_MAX 2932896

/* Length of 2026-01. */
#define MONTH_LEN 7

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static char *put_digits(char *at, int value, int n)
{
    for (int i = n - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + n;
}

/*
 * Writes a date of the proleptic Gregorian calendar. gmtime and strftime took a third of the time
 * of a change. Source: H. Hinnant, chrono-Compatible Low-Level Date Algorithms, civil_from_days.
 */
static void put_day(char *at, int64_t date_us)
{
    int days = (int)CLAMP(floor_divide(date_us, CLOCK_DAY_US), DAY_MIN, DAY_MAX);
    /* Days since 0000-03-01, so that the leap day ends the year. */
    int shifted = days + 719468;
    int era = (int)floor_divide(shifted, 146097);
    int day_of_era = shifted - era * 146097;
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    int day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int year = year_of_era + era * 400 + (month <= 2);

    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    (void)put_digits(at, day, 2);
}

void group_day(int64_t time_us, char ret_name[static GROUP_DAY_LEN + 1])
{
    put_day(ret_name, time_us);
    ret_name[GROUP_DAY_LEN] = '\0';
}

#define SIZE_LEN 2

static int floor_log2(int64_t bytes)
{
    return bytes > 1 ? 63 - __builtin_clzll((unsigned long long)bytes) : 0;
}

static size_t put_text(char *ret_name, const char *text, size_t len)
{
    memcpy(ret_name, text, len);
    return len;
}

/* Writes the name of the group that the record belongs to, without a NUL. Returns its length. */
static size_t put_group(const Record *record, StoreBy by, int64_t date_us, char *ret_name)
{
    const char *text = "";
    const char *slash;

    switch (by) {
    case STORE_BY_ALL:
        break;
    case STORE_BY_TYPE:
        text = image_type_name(record->facts.type);
        break;
    case STORE_BY_STATE:
        text = state_name(record->state);
        break;
    case STORE_BY_DAY:
        put_day(ret_name, date_us);
        return GROUP_DAY_LEN;
    case STORE_BY_MONTH:
        put_day(ret_name, date_us);
        return MONTH_LEN;
    case STORE_BY_PREFIX:
        slash = strchr(record->key, '/');
        return slash ? put_text(ret_name, record->key, (size_t)(slash - record->key) + 1) : 0;
    case STORE_BY_SIZE:
        (void)put_digits(ret_name, floor_log2(record->version.size), SIZE_LEN);
        return SIZE_LEN;
    }
    return put_text(ret_name, text, strlen(text));
}

size_t group_name(const Record *record, StoreBy by, int64_t date_us,
                  char ret_name[static GROUP_NAME_MAX])
{
    size_t len = put_group(record, by, date_us, ret_name);

    ret_name[len] = '\0';
    return len;
}

static ObjectTotals totals_of(const Record *record)
{
    ObjectTotals totals = {
        .objects = 1,
        .damaged = record->facts.damaged,
        .source_bytes = (uint64_t)record->version.size,
        .thumbnails = record->n_thumbnails,
        .thumbnail_bytes = (uint64_t)record_thumbnail_bytes(record),
    };

    totals.by_state[record->state] = 1;
    return totals;
}

void group_add(ObjectTotals *totals, const Record *record)
{
    ObjectTotals one = totals_of(record);
    object_totals_add(totals, &one);
}

void group_subtract(ObjectTotals *totals, const Record *record)
{
    ObjectTotals one = totals_of(record);
    object_totals_subtract(totals, &one);
}
