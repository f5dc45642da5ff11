/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed schedule. cron.c parses it; cron_next.c searches the calendar for it. */
#pragma once

#include "watcher/cron.h"

#define CRON_YEAR_MIN 1970
#define CRON_YEAR_MAX 2199

typedef enum {
    /* Five or six fields. */
    CRON_FIELDS,
    CRON_RATE,
    CRON_AT,
} CronKind;

/* Rules for the day that bits alone cannot express. */
typedef enum {
    /* The days in `days` and `weekdays`. */
    CRON_DAY_BITS,
    /* L: last day of the month. */
    CRON_DAY_LAST,
    /* LW: last day from Monday to Friday of the month. */
    CRON_DAY_LAST_WORKDAY,
    /* 3W: day from Monday to Friday nearest to the 3rd, in the same month. */
    CRON_DAY_WORKDAY,
    /* 6L: last Friday of the month. */
    CRON_DAY_LAST_WEEKDAY,
    /* 3#2: second Tuesday of the month. */
    CRON_DAY_NTH_WEEKDAY,
} CronDay;

struct Cron {
    CronKind kind;
    /* NULL: the local zone, which may change. */
    GTimeZone *zone;

    /* Of CRON_RATE. */
    int64_t rate_us;

    /* Of CRON_AT: local time. */
    int year, month, day, hour, minute, second;

    /* Of CRON_FIELDS: bit n for the value n. */
    uint64_t minutes;
    uint32_t hours;
    /* 1..31. */
    uint32_t days;
    /* 1..12. */
    uint32_t months;
    /* 0..6, Sunday is 0. */
    uint32_t weekdays;
    bool years[CRON_YEAR_MAX - CRON_YEAR_MIN + 1];
    /*
     * True if crontab(5) needs only one match: both the day of the month and the day of the week
     * are restricted.
     */
    bool either_day;
    CronDay day_rule;
    /* Of CRON_DAY_WORKDAY: 1..31. */
    int rule_day;
    /* Of CRON_DAY_LAST_WEEKDAY, CRON_DAY_NTH_WEEKDAY: 0..6. */
    int rule_weekday;
    /* Of CRON_DAY_NTH_WEEKDAY: 1..5. */
    int rule_nth;
};
