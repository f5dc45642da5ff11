/* SPDX-License-Identifier: Apache-2.0 */
/* Searches the calendar for the next due time of a schedule. */
#include "clock/cron_private.h"

#include "base/clock.h"
#include "base/zone.h"

#define DAY_SECONDS INT64_C(86400)

/* A minute in the calendar of the schedule's zone. */
typedef struct {
    int year, month, day, hour, minute;
} LocalMinute;

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int days_in_month(int year, int month)
{
    return g_date_get_days_in_month((GDateMonth)month, (GDateYear)year);
}

/* Days since 1970-01-01. */
static int64_t day_number(int year, int month, int day)
{
    GDate date;
    GDate epoch;
    g_date_clear(&date, 1);
    g_date_clear(&epoch, 1);
    g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
    g_date_set_dmy(&epoch, 1, G_DATE_JANUARY, 1970);
    return g_date_days_between(&epoch, &date);
}

/* Day of the week; 0 is Sunday. */
static int weekday_of(int year, int month, int day)
{
    return (int)(((day_number(year, month, day) + 4) % 7 + 7) % 7);
}

/* Seconds that local time is ahead of UTC at an instant. */
static int64_t offset_at(GTimeZone *zone, int64_t instant)
{
    if (!zone)
        return zone_offset_min(instant * CLOCK_US_PER_SEC) * INT64_C(60);
    int interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, instant);
    return g_time_zone_get_offset(zone, interval);
}

/*
 * Finds the first instant at which clocks show `local` (seconds since 1970 as if in UTC); false if
 * they never do. Only the offsets of the day before, of this day and of the day after are possible.
 */
static bool local_to_instant(GTimeZone *zone, int64_t local, int64_t *ret_instant)
{
    bool found = false;
    int64_t first = 0;
    for (int day = -1; day <= 1; day++) {
        int64_t instant = local - offset_at(zone, local + day * DAY_SECONDS);
        if (instant + offset_at(zone, instant) != local)
            continue;
        if (!found || instant < first)
            first = instant;
        found = true;
    }
    if (found)
        *ret_instant = first;
    return found;
}

/* Returns the date and time of day that clocks in the zone show at an instant. */
static LocalMinute local_at(GTimeZone *zone, int64_t instant)
{
    int64_t local = instant + offset_at(zone, instant);
    int64_t days = floor_div(local, DAY_SECONDS);
    int second = (int)(local - days * DAY_SECONDS);
    GDate date;
    g_date_clear(&date, 1);
    g_date_set_dmy(&date, 1, G_DATE_JANUARY, 1970);
    if (days >= 0)
        g_date_add_days(&date, (guint)days);
    else
        g_date_subtract_days(&date, (guint)-days);
    return (LocalMinute){
        .year = g_date_get_year(&date),
        .month = g_date_get_month(&date),
        .day = g_date_get_day(&date),
        .hour = second / 3600,
        .minute = second / 60 % 60,
    };
}

static int64_t local_seconds(int year, int month, int day, int hour, int minute)
{
    return day_number(year, month, day) * DAY_SECONDS + hour * INT64_C(3600) + minute * INT64_C(60);
}

/* Day from Monday to Friday nearest to `day`, in the same month. */
static int nearest_workday(int year, int month, int day)
{
    switch (weekday_of(year, month, day)) {
    case 6:
        return day > 1 ? day - 1 : day + 2;
    case 0:
        return day < days_in_month(year, month) ? day + 1 : day - 2;
    default:
        return day;
    }
}

static int last_workday(int year, int month)
{
    int day = days_in_month(year, month);
    int weekday = weekday_of(year, month, day);
    return weekday == 6 ? day - 1 : weekday == 0 ? day - 2 : day;
}

/* Day that a rule selects in this month; 0 if there is none. */
static int rule_day(const Cron *cron, int year, int month)
{
    int last = days_in_month(year, month);
    int day;
    switch (cron->day_rule) {
    case CRON_DAY_LAST:
        return last;
    case CRON_DAY_LAST_WORKDAY:
        return last_workday(year, month);
    case CRON_DAY_WORKDAY:
        return cron->rule_day <= last ? nearest_workday(year, month, cron->rule_day) : 0;
    case CRON_DAY_LAST_WEEKDAY:
        return last - (weekday_of(year, month, last) - cron->rule_weekday + 7) % 7;
    case CRON_DAY_NTH_WEEKDAY:
        day = 1 + (cron->rule_weekday - weekday_of(year, month, 1) + 7) % 7;
        day += 7 * (cron->rule_nth - 1);
        return day <= last ? day : 0;
    case CRON_DAY_BITS:
        break;
    }
    return 0;
}

/* Due days of a month: bit n for day n. */
static uint32_t due_days(const Cron *cron, int year, int month)
{
    if (cron->day_rule != CRON_DAY_BITS)
        return UINT32_C(1) << rule_day(cron, year, month) & ~UINT32_C(1);

    int last = days_in_month(year, month);
    int weekday = weekday_of(year, month, 1);
    uint32_t due = 0;
    for (int day = 1; day <= last; day++) {
        bool by_day = cron->days >> day & 1;
        bool by_weekday = cron->weekdays >> weekday & 1;
        if (cron->either_day ? by_day || by_weekday : by_day && by_weekday)
            due |= UINT32_C(1) << day;
        weekday = (weekday + 1) % 7;
    }
    return due;
}

/* Lowest set bit from `from` on; -1 if there is none. */
static int next_bit(uint64_t bits, int from)
{
    bits = from < 64 ? bits >> from << from : 0;
    return bits ? __builtin_ctzll(bits) : -1;
}

/* Moves to the next hour and minute that fit, on the same day. Returns false if none is left. */
static bool next_time_of_day(const Cron *cron, LocalMinute *at)
{
    if (cron->hours >> at->hour & 1) {
        int minute = next_bit(cron->minutes, at->minute);
        if (minute >= 0) {
            at->minute = minute;
            return true;
        }
    }
    int hour = next_bit(cron->hours, at->hour + 1);
    if (hour < 0)
        return false;
    at->hour = hour;
    at->minute = next_bit(cron->minutes, 0);
    return true;
}

static void start_of_day(LocalMinute *at, int day)
{
    at->day = day;
    at->hour = 0;
    at->minute = 0;
}

/* Moves to the first due time of the month from *at on; false if there is none. */
static bool next_in_month(const Cron *cron, LocalMinute *at)
{
    uint32_t due = due_days(cron, at->year, at->month);
    int day;
    while ((day = next_bit(due, at->day)) >= 0) {
        if (day != at->day)
            start_of_day(at, day);
        if (next_time_of_day(cron, at))
            return true;
        start_of_day(at, at->day + 1);
    }
    return false;
}

/* Moves to the first due time in the calendar, *at included; false if there is none at all. */
static bool next_on_calendar(const Cron *cron, LocalMinute *at)
{
    while (at->year <= CRON_YEAR_MAX) {
        bool is_due_month =
            cron->years[at->year - CRON_YEAR_MIN] && (cron->months >> at->month & 1);
        if (is_due_month && next_in_month(cron, at))
            return true;
        at->month++;
        start_of_day(at, 1);
        if (at->month > 12) {
            at->month = 1;
            at->year++;
        }
    }
    return false;
}

static void next_minute(LocalMinute *at)
{
    if (++at->minute < 60)
        return;
    at->minute = 0;
    if (++at->hour < 24)
        return;
    /* A day that the month lacks is never due. */
    start_of_day(at, at->day + 1);
}

/* Finds the first instant after `after` that fits all fields. */
static bool next_by_fields(const Cron *cron, int64_t after, int64_t *ret_instant)
{
    LocalMinute at = local_at(cron->zone, after);
    if (at.year < CRON_YEAR_MIN)
        at = (LocalMinute){.year = CRON_YEAR_MIN, .month = 1, .day = 1};

    /* The loop is short: it skips only times that a change of the clock leaves out or repeats. */
    while (next_on_calendar(cron, &at)) {
        int64_t instant;
        int64_t local = local_seconds(at.year, at.month, at.day, at.hour, at.minute);
        if (local_to_instant(cron->zone, local, &instant) && instant > after) {
            *ret_instant = instant;
            return true;
        }
        next_minute(&at);
    }
    return false;
}

static bool next_at(const Cron *cron, int64_t after, int64_t *ret_instant)
{
    int64_t instant;
    int64_t local =
        local_seconds(cron->year, cron->month, cron->day, cron->hour, cron->minute) + cron->second;
    if (!local_to_instant(cron->zone, local, &instant) || instant <= after)
        return false;
    *ret_instant = instant;
    return true;
}

bool cron_next(const Cron *cron, int64_t after_us, int64_t *ret_us)
{
    if (cron->kind == CRON_RATE) {
        if (after_us > INT64_MAX - cron->rate_us)
            return false;
        *ret_us = after_us + cron->rate_us;
        return true;
    }

    /*
     * Due times are whole seconds: the first one strictly after after_us is also strictly after its
     * whole second.
     */
    int64_t after = floor_div(after_us, CLOCK_US_PER_SEC);
    int64_t earliest = -2 * DAY_SECONDS;
    int64_t latest = local_seconds(CRON_YEAR_MAX + 1, 1, 3, 0, 0);
    if (after > latest)
        return false;
    after = MAX(after, earliest);

    int64_t instant;
    bool found = cron->kind == CRON_AT ? next_at(cron, after, &instant)
                                       : next_by_fields(cron, after, &instant);
    if (found)
        *ret_us = instant * CLOCK_US_PER_SEC;
    return found;
}
