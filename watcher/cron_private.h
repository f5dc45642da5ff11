/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parsed schedule, shared by cron.c, which parses it, and cron_next.c, which searches the
 * calendar.
 */
#pragma once

#include "cron.h"

#define CRON_YEAR_MIN 1970
#define CRON_YEAR_MAX 2199

typedef enum {
    CRON_FIELDS, /* five or six fields */
    CRON_RATE,
    CRON_AT,
} CronKind;

/* What bits alone cannot say of the day. */
typedef enum {
    CRON_DAY_BITS,         /* those of `days` and `weekdays` */
    CRON_DAY_LAST,         /* L: last of the month */
    CRON_DAY_LAST_WORKDAY, /* LW: last Monday to Friday of the month */
    CRON_DAY_WORKDAY,      /* 3W: Monday to Friday nearest to the 3rd, within the month */
    CRON_DAY_LAST_WEEKDAY, /* 6L: last Friday of the month */
    CRON_DAY_NTH_WEEKDAY,  /* 3#2: second Tuesday of the month */
} CronDay;

struct Cron {
    CronKind kind;
    GTimeZone *zone; /* NULL: the local one, which may change */

    int64_t rate_us; /* CRON_RATE */

    /* CRON_AT: local time. */
    int year, month, day, hour, minute, second;

    /* CRON_FIELDS: bit n for the value n. */
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;     /* 1..31 */
    uint32_t months;   /* 1..12 */
    uint32_t weekdays; /* 0..6, Sunday is 0 */
    bool years[CRON_YEAR_MAX - CRON_YEAR_MIN + 1];
    bool either_day; /* crontab(5): day of month or day of week, as both are restricted */
    CronDay day_rule;
    int rule_day;     /* CRON_DAY_WORKDAY: 1..31 */
    int rule_weekday; /* CRON_DAY_LAST_WEEKDAY, CRON_DAY_NTH_WEEKDAY: 0..6 */
    int rule_nth;     /* CRON_DAY_NTH_WEEKDAY: 1..5 */
};
