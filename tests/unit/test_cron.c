/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "cron.h"
#include "error.h"

#include <string.h>

#define MANY 6

/* What a schedule is due at next, in its zone. */
typedef struct {
    const char *name, *expression, *zone, *from;
    const char *next[MANY];
    bool ends; /* never again after the last of `next` */
} DueCase;

#define UTC(day, time) "2026-" day "T" time "+00:00"
#define MIDNIGHT(day)  UTC(day, "00:00:00")

static const DueCase due_cases[] = {
    /* crontab(5) */
    {"every-minute",
     "* * * * *",
     "UTC",
     "2026-01-31T23:58:30Z",
     {UTC("01-31", "23:59:00"), MIDNIGHT("02-01")},
     false},
    {"strictly-after",
     "0 3 * * *",
     "UTC",
     "2026-01-31T03:00:00Z",
     {UTC("02-01", "03:00:00")},
     false},
    {"list",
     "5,10,59 0 * * *",
     "UTC",
     "2026-01-01T00:00:00Z",
     {UTC("01-01", "00:05:00"), UTC("01-01", "00:10:00"), UTC("01-01", "00:59:00"),
      UTC("01-02", "00:05:00")},
     false},
    {"range",
     "0 22-23 * * *",
     "UTC",
     "2026-01-01T00:00:00Z",
     {UTC("01-01", "22:00:00"), UTC("01-01", "23:00:00"), UTC("01-02", "22:00:00")},
     false},
    {"star-step",
     "*/25 0 * * *",
     "UTC",
     "2026-01-01T00:00:00Z",
     {UTC("01-01", "00:25:00"), UTC("01-01", "00:50:00"), MIDNIGHT("01-02")},
     false},
    {"range-step",
     "1-10/4 0 * * *",
     "UTC",
     "2026-01-01T00:00:00Z",
     {UTC("01-01", "00:01:00"), UTC("01-01", "00:05:00"), UTC("01-01", "00:09:00"),
      UTC("01-02", "00:01:00")},
     false},
    {"list-of-ranges",
     "0 1-2,20-23/3 * * *",
     "UTC",
     "2026-01-01T00:00:00Z",
     {UTC("01-01", "01:00:00"), UTC("01-01", "02:00:00"), UTC("01-01", "20:00:00"),
      UTC("01-01", "23:00:00")},
     false},
    {"whole-range-step",
     "*/60 * * * *",
     "UTC",
     "2026-01-31T00:00:00Z",
     {UTC("01-31", "01:00:00"), UTC("01-31", "02:00:00")},
     false},
    {"month-names",
     "0 0 1 feb,DEC *",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("02-01"), MIDNIGHT("12-01")},
     false},
    {"weekday-names",
     "0 0 * * mon-Wed",
     "UTC",
     "2026-01-31T00:00:00Z",
     {MIDNIGHT("02-02"), MIDNIGHT("02-03"), MIDNIGHT("02-04"), MIDNIGHT("02-09")},
     false},
    {"sunday-is-0",
     "0 0 * * 0",
     "UTC",
     "2026-01-31T00:00:00Z",
     {MIDNIGHT("02-01"), MIDNIGHT("02-08")},
     false},
    {"sunday-is-7",
     "0 0 * * 7",
     "UTC",
     "2026-01-31T00:00:00Z",
     {MIDNIGHT("02-01"), MIDNIGHT("02-08")},
     false},
    {"range-to-7",
     "0 0 * * 6-7",
     "UTC",
     "2026-01-30T00:00:00Z",
     {MIDNIGHT("01-31"), MIDNIGHT("02-01"), MIDNIGHT("02-07")},
     false},
    {"range-to-sun",
     "0 0 * * fri-sun",
     "UTC",
     "2026-01-29T12:00:00Z",
     {MIDNIGHT("01-30"), MIDNIGHT("01-31"), MIDNIGHT("02-01"), MIDNIGHT("02-06")},
     false},
    {"either-day",
     "0 0 13 * 5",
     "UTC",
     "2026-02-01T00:00:00Z",
     {MIDNIGHT("02-06"), MIDNIGHT("02-13"), MIDNIGHT("02-20"), MIDNIGHT("02-27"), MIDNIGHT("03-06"),
      MIDNIGHT("03-13")},
     false},
    {"either-day-apart",
     "0 0 14 * 5",
     "UTC",
     "2026-02-12T00:00:00Z",
     {MIDNIGHT("02-13"), MIDNIGHT("02-14"), MIDNIGHT("02-20")},
     false},
    {"star-step-day-and-weekday",
     "0 0 */2 * mon",
     "UTC",
     "2026-02-01T00:00:00Z",
     {MIDNIGHT("02-09"), MIDNIGHT("02-23"), MIDNIGHT("03-09")},
     false},
    {"only-day",
     "0 0 31 * *",
     "UTC",
     "2026-01-31T00:00:00Z",
     {MIDNIGHT("03-31"), MIDNIGHT("05-31")},
     false},
    {"leap-day",
     "0 12 29 2 *",
     "UTC",
     "2026-01-01T00:00:00Z",
     {"2028-02-29T12:00:00+00:00", "2032-02-29T12:00:00+00:00"},
     false},
    {"leap-day-2100",
     "0 12 29 2 *",
     "UTC",
     "2096-03-01T00:00:00Z",
     {"2104-02-29T12:00:00+00:00"},
     false},
    {"30-february", "0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", {NULL}, true},
    {"blanks",
     "  0\t3  *  * *  ",
     "UTC",
     "2026-01-31T00:00:00Z",
     {UTC("01-31", "03:00:00")},
     false},
    {"hourly",
     "@hourly",
     "UTC",
     "2026-01-31T00:00:00Z",
     {UTC("01-31", "01:00:00"), UTC("01-31", "02:00:00")},
     false},
    {"daily", "@daily", "UTC", "2026-01-31T00:00:00Z", {MIDNIGHT("02-01")}, false},
    {"weekly",
     "@weekly",
     "UTC",
     "2026-01-31T00:00:00Z",
     {MIDNIGHT("02-01"), MIDNIGHT("02-08")},
     false},
    {"monthly",
     "@monthly",
     "UTC",
     "2026-01-31T00:00:00Z",
     {MIDNIGHT("02-01"), MIDNIGHT("03-01")},
     false},
    {"yearly",
     "@yearly",
     "UTC",
     "2026-01-31T00:00:00Z",
     {"2027-01-01T00:00:00+00:00", "2028-01-01T00:00:00+00:00"},
     false},
    {"before-1970",
     "0 0 1 1 *",
     "UTC",
     "1960-06-01T00:00:00Z",
     {"1970-01-01T00:00:00+00:00"},
     false},

    /* EventBridge */
    {"eventbridge",
     "cron(15 10 * * ? *)",
     "UTC",
     "2026-01-31T10:15:00Z",
     {UTC("02-01", "10:15:00")},
     false},
    {"eventbridge-weekday-1-is-sunday",
     "cron(0 0 ? * 1 *)",
     "UTC",
     "2026-01-31T00:00:00Z",
     {MIDNIGHT("02-01"), MIDNIGHT("02-08")},
     false},
    {"eventbridge-weekday-range",
     "cron(0 8 ? * MON-FRI *)",
     "UTC",
     "2026-01-30T09:00:00Z",
     {UTC("02-02", "08:00:00"), UTC("02-03", "08:00:00")},
     false},
    {"eventbridge-hours-past-midnight",
     "cron(0/30 20-2 ? * MON-FRI *)",
     "UTC",
     "2026-01-30T22:40:00Z",
     {UTC("01-30", "23:00:00"), UTC("01-30", "23:30:00"), MIDNIGHT("02-02"),
      UTC("02-02", "00:30:00"), UTC("02-02", "01:00:00"), UTC("02-02", "01:30:00")},
     false},
    {"eventbridge-weekdays-past-saturday",
     "cron(0 0 ? * FRI-MON *)",
     "UTC",
     "2026-01-30T00:00:00Z",
     {MIDNIGHT("01-31"), MIDNIGHT("02-01"), MIDNIGHT("02-02"), MIDNIGHT("02-06")},
     false},
    {"eventbridge-step-past-the-end",
     "cron(50-10/7 0 * * ? *)",
     "UTC",
     "2026-01-31T00:00:00Z",
     {UTC("01-31", "00:04:00"), UTC("01-31", "00:50:00"), UTC("01-31", "00:57:00"),
      UTC("02-01", "00:04:00")},
     false},
    {"eventbridge-step-from",
     "cron(10/20 0 * * ? *)",
     "UTC",
     "2026-01-31T00:00:00Z",
     {UTC("01-31", "00:10:00"), UTC("01-31", "00:30:00"), UTC("01-31", "00:50:00"),
      UTC("02-01", "00:10:00")},
     false},
    {"eventbridge-last-day",
     "cron(0 0 L * ? *)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("01-31"), MIDNIGHT("02-28"), MIDNIGHT("03-31")},
     false},
    {"eventbridge-last-day-leap",
     "cron(0 0 L 2 ? *)",
     "UTC",
     "2027-01-01T00:00:00Z",
     {"2027-02-28T00:00:00+00:00", "2028-02-29T00:00:00+00:00"},
     false},
    {"eventbridge-last-workday",
     "cron(0 0 LW * ? *)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("01-30"), MIDNIGHT("02-27"), MIDNIGHT("03-31"), MIDNIGHT("04-30"),
      MIDNIGHT("05-29")},
     false},
    {"eventbridge-workday",
     "cron(0 0 3W * ? *)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("01-02"), MIDNIGHT("02-03"), MIDNIGHT("03-03"), MIDNIGHT("04-03"),
      MIDNIGHT("05-04")},
     false},
    {"eventbridge-workday-stays-in-month",
     "cron(0 0 1W 2,8 ? 2026)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("02-02"), MIDNIGHT("08-03")},
     true},
    {"eventbridge-workday-31",
     "cron(0 0 31W * ? *)",
     "UTC",
     "2026-01-31T00:00:00Z",
     {MIDNIGHT("03-31"), MIDNIGHT("05-29")},
     false},
    {"eventbridge-last-friday",
     "cron(0 0 ? * 6L *)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("01-30"), MIDNIGHT("02-27"), MIDNIGHT("03-27")},
     false},
    {"eventbridge-last-friday-by-name",
     "cron(0 0 ? * FRIL *)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("01-30")},
     false},
    {"eventbridge-last-day-of-week",
     "cron(0 0 ? * L *)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("01-03"), MIDNIGHT("01-10")},
     false},
    {"eventbridge-second-tuesday",
     "cron(0 0 ? * 3#2 *)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("01-13"), MIDNIGHT("02-10"), MIDNIGHT("03-10")},
     false},
    {"eventbridge-fifth-friday",
     "cron(0 0 ? * FRI#5 *)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {MIDNIGHT("01-30"), MIDNIGHT("05-29")},
     false},
    {"eventbridge-years",
     "cron(0 0 1 1 ? 2027,2030-2031)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {"2027-01-01T00:00:00+00:00", "2030-01-01T00:00:00+00:00", "2031-01-01T00:00:00+00:00"},
     true},
    {"eventbridge-year-step",
     "cron(0 0 1 1 ? 2020/10)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {"2030-01-01T00:00:00+00:00", "2040-01-01T00:00:00+00:00"},
     false},
    {"eventbridge-year-passed",
     "cron(0 0 1 1 ? 2025)",
     "UTC",
     "2026-01-01T00:00:00Z",
     {NULL},
     true},
    {"eventbridge-last-year",
     "cron(59 23 31 12 ? *)",
     "UTC",
     "2199-01-01T00:00:00Z",
     {"2199-12-31T23:59:00+00:00"},
     true},
    {"rate-1",
     "rate(1 minute)",
     "UTC",
     "2026-01-31T00:00:30Z",
     {UTC("01-31", "00:01:30"), UTC("01-31", "00:02:30")},
     false},
    {"rate-5-hours",
     "rate(5 hours)",
     "UTC",
     "2026-01-31T22:00:00Z",
     {UTC("02-01", "03:00:00")},
     false},
    {"rate-days",
     "rate( 2 days )",
     "UTC",
     "2026-01-31T22:00:00Z",
     {UTC("02-02", "22:00:00")},
     false},
    {"at",
     "at(2026-01-31T12:00:05)",
     "UTC",
     "2026-01-31T12:00:04Z",
     {UTC("01-31", "12:00:05")},
     true},
    {"at-in-zone",
     "at(2026-07-01T12:00:00)",
     "Europe/Berlin",
     "2026-01-31T12:00:00Z",
     {"2026-07-01T12:00:00+02:00"},
     true},
    {"at-passed", "at(2026-01-31T12:00:00)", "UTC", "2026-01-31T12:00:00Z", {NULL}, true},
    {"at-left-out",
     "at(2026-03-29T02:30:00)",
     "Europe/Berlin",
     "2026-01-31T12:00:00Z",
     {NULL},
     true},

    /* Time zones */
    {"spring-gap-skipped",
     "30 2 * * *",
     "Europe/Berlin",
     "2026-03-27T12:00:00Z",
     {"2026-03-28T02:30:00+01:00", "2026-03-30T02:30:00+02:00"},
     false},
    {"spring-after-gap",
     "0 3 * * *",
     "Europe/Berlin",
     "2026-03-28T12:00:00Z",
     {"2026-03-29T03:00:00+02:00"},
     false},
    {"spring-every-half-hour",
     "*/30 * * * *",
     "Europe/Berlin",
     "2026-03-29T00:15:00Z",
     {"2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"},
     false},
    {"autumn-once",
     "30 2 * * *",
     "Europe/Berlin",
     "2026-10-24T12:00:00Z",
     {"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
     false},
    {"autumn-every-half-hour",
     "*/30 * * * *",
     "Europe/Berlin",
     "2026-10-25T00:15:00Z",
     {"2026-10-25T02:30:00+02:00", "2026-10-25T03:00:00+01:00"},
     false},
    {"autumn-from-second-pass",
     "*/30 * * * *",
     "Europe/Berlin",
     "2026-10-25T01:10:00Z",
     {"2026-10-25T03:00:00+01:00"},
     false},
    {"new-york-spring",
     "15 2 * * *",
     "America/New_York",
     "2026-03-07T12:00:00Z",
     {"2026-03-09T02:15:00-04:00"},
     false},
    {"new-york-autumn",
     "15 1 * * *",
     "America/New_York",
     "2026-10-31T12:00:00Z",
     {"2026-11-01T01:15:00-04:00", "2026-11-02T01:15:00-05:00"},
     false},
    {"new-york-eventbridge-autumn",
     "cron(15 1 ? 11 SUN#1 *)",
     "America/New_York",
     "2026-10-31T12:00:00Z",
     {"2026-11-01T01:15:00-04:00", "2027-11-07T01:15:00-04:00"},
     false},
    {"half-hour-change",
     "15 2 * * *",
     "Australia/Lord_Howe",
     "2026-10-03T00:00:00Z",
     {"2026-10-05T02:15:00+11:00"},
     false},
    {"skipped-day",
     "0 12 30 12 *",
     "Pacific/Apia",
     "2011-12-01T00:00:00Z",
     {"2012-12-30T12:00:00+14:00"},
     false},
    {"zone-day-differs-from-utc",
     "0 0 * * *",
     "Asia/Tokyo",
     "2026-01-31T14:00:00Z",
     {"2026-02-01T00:00:00+09:00"},
     false},
    {"far-summer",
     "0 12 1 7 *",
     "Europe/Berlin",
     "2150-01-01T00:00:00Z",
     {"2150-07-01T12:00:00+02:00"},
     false},
};

static void test_due(gconstpointer data)
{
    const DueCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Cron) cron = cron_parse(c->expression, c->zone, &error);
    g_assert_no_error(error);

    g_autoptr(GDateTime) from = g_date_time_new_from_iso8601(c->from, NULL);
    int64_t at_us = g_date_time_to_unix(from) * CLOCK_US_PER_SEC;
    size_t n = 0;
    for (; n < MANY && c->next[n]; n++) {
        int64_t before_us = at_us;
        g_assert_true(cron_next(cron, at_us, &at_us));
        g_assert_cmpint(at_us, >, before_us);
        g_autofree char *text = cron_format(cron, at_us);
        g_assert_cmpstr(text, ==, c->next[n]);
    }
    g_assert_true(n > 0 || c->ends);
    int64_t untouched = 42;
    if (c->ends) {
        g_assert_false(cron_next(cron, at_us, &untouched));
        g_assert_cmpint(untouched, ==, 42);
    }
}

/* The message is "cannot parse '<expression>': <reason>". */
typedef struct {
    const char *name, *expression, *reason;
} InvalidCase;

#define FIVE "crontab(5) has 5: minute hour day-of-month month day-of-week"
#define SIX  "cron() has 6: minute hour day-of-month month day-of-week year"
#define AT   "not a time like 2026-01-31T12:00:00, year 1970-2199"

static const InvalidCase invalid_cases[] = {
    {"empty", "", "0 fields; " FIVE},
    {"one-field", "5", "1 field; " FIVE},
    {"six-fields", "0 3 * * * 2026", "6 fields; " FIVE},
    {"minute", "60 * * * *", "minute '60': '60' is not within 0-59"},
    {"minute-in-list", "1,61 * * * *", "minute '1,61': '61' is not within 0-59"},
    {"hour", "0 24 * * *", "hour '24': '24' is not within 0-23"},
    {"day-0", "0 0 0 * *", "day of month '0': '0' is not within 1-31"},
    {"month-13", "0 0 1 13 *", "month '13': '13' is not within 1-12 or JAN-DEC"},
    {"month-name", "0 0 1 foo *", "month 'foo': 'foo' is not within 1-12 or JAN-DEC"},
    {"weekday-8", "0 0 * * 8", "day of week '8': '8' is not within 0-7 or SUN-SAT"},
    {"backwards", "0 5-3 * * *", "hour '5-3': the range '5-3' runs backwards"},
    {"eventbridge-years-backwards", "cron(0 0 1 * ? 2030-2026)",
     "year '2030-2026': the range '2030-2026' runs backwards"},
    {"step-0", "*/0 * * * *", "minute '*/0': the step '0' is not within 1-60"},
    {"step-61", "*/61 * * * *", "minute '*/61': the step '61' is not within 1-60"},
    {"step-empty", "*/ * * * *", "minute '*/': the step '' is not within 1-60"},
    {"step-of-one-value", "5/10 * * * *", "minute '5/10': a step needs '*' or a range before it"},
    {"empty-item", "1,,2 * * * *", "minute '1,,2': '' is not within 0-59"},
    {"trailing-comma", "1, * * * *", "minute '1,': '' is not within 0-59"},
    {"negative", "-5 * * * *", "minute '-5': '' is not within 0-59"},
    {"sign", "+5 * * * *", "minute '+5': '+5' is not within 0-59"},
    {"huge", "99999999999999999999 * * * *",
     "minute '99999999999999999999': '99999999999999999999' is not within 0-59"},
    {"question-mark-in-crontab", "0 0 ? * *", "day of month '?': '?' is not within 1-31"},
    {"last-in-crontab", "0 0 L * *", "day of month 'L': 'L' is not within 1-31"},
    {"nth-in-crontab", "0 0 * * 3#2", "day of week '3#2': '3#2' is not within 0-7 or SUN-SAT"},
    {"reboot", "@reboot", "the names are @hourly, @daily, @weekly, @monthly and @yearly"},
    {"eventbridge-five-fields", "cron(0 3 * * ?)", "5 fields; " SIX},
    {"eventbridge-empty", "cron()", "0 fields; " SIX},
    {"eventbridge-no-question-mark", "cron(0 3 * * * *)",
     "day of month '*' and day of week '*': exactly one of them must be '?'"},
    {"eventbridge-two-question-marks", "cron(0 3 ? * ? *)",
     "day of month '?' and day of week '?': exactly one of them must be '?'"},
    {"eventbridge-weekday-0", "cron(0 3 ? * 0 *)",
     "day of week '0': '0' is not within 1-7 or SUN-SAT"},
    {"eventbridge-year", "cron(0 3 * * ? 2200)", "year '2200': '2200' is not within 1970-2199"},
    {"eventbridge-year-low", "cron(0 3 * * ? 1969)", "year '1969': '1969' is not within 1970-2199"},
    {"eventbridge-nth-6", "cron(0 3 ? * 3#6 *)",
     "day of week '3#6': '3#6' is not within 1-7 or SUN-SAT"},
    {"eventbridge-nth-list", "cron(0 3 ? * 3#1,6#3 *)",
     "day of week '3#1,6#3': '3#1' is not within 1-7 or SUN-SAT"},
    {"eventbridge-workday-32", "cron(0 3 32W * ? *)",
     "day of month '32W': '32W' is not within 1-31"},
    {"eventbridge-last-in-list", "cron(0 3 1,L * ? *)",
     "day of month '1,L': 'L' is not within 1-31"},
    {"eventbridge-unclosed", "cron(0 3 * * ? *", "6 fields; " FIVE},
    {"rate-singular", "rate(5 minute)", "rate '5 minute': the unit of 5 is 'minutes'"},
    {"rate-plural", "rate(1 hours)", "rate '1 hours': the unit of 1 is 'hour'"},
    {"rate-0", "rate(0 minutes)", "rate '0 minutes': '0' is not within 1-1000000"},
    {"rate-seconds", "rate(5 seconds)",
     "rate '5 seconds': 'seconds' is not minute(s), hour(s) or day(s)"},
    {"rate-empty", "rate()", "rate '': a number and a unit are needed, as in rate(5 minutes)"},
    {"at-day", "at(2026-02-29T12:00:00)", "at '2026-02-29T12:00:00': " AT},
    {"at-month", "at(2026-13-01T12:00:00)", "at '2026-13-01T12:00:00': " AT},
    {"at-hour", "at(2026-02-28T24:00:00)", "at '2026-02-28T24:00:00': " AT},
    {"at-zone", "at(2026-02-28T12:00:00Z)", "at '2026-02-28T12:00:00Z': " AT},
};

static void test_invalid(gconstpointer data)
{
    const InvalidCase *c = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Cron) cron = cron_parse(c->expression, "UTC", &error);
    g_autofree char *message = g_strdup_printf("cannot parse '%s': %s", c->expression, c->reason);
    g_assert_null(cron);
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    g_assert_cmpstr(error->message, ==, message);
}

static void test_unknown_zone(void)
{
    static const char *const zones[] = {"Mars/Base", "../../../etc/localtime", "/etc/localtime"};
    for (size_t i = 0; i < G_N_ELEMENTS(zones); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *message = g_strdup_printf(
            "unknown time zone '%s'; a name as 'Europe/Berlin' is needed", zones[i]);
        g_assert_null(cron_parse("0 3 * * *", zones[i], &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        g_assert_cmpstr(error->message, ==, message);
    }
}

static void test_too_long(void)
{
    g_autoptr(GError) error = NULL;
    char text[CRON_TEXT_MAX + 2];
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    g_assert_null(cron_parse(text, "UTC", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
}

static void test_local_zone(void)
{
    g_autoptr(Cron) cron = cron_parse("0 3 * * *", "", NULL);
    g_autoptr(Cron) same = cron_parse("0 3 * * *", NULL, NULL);
    int64_t a, b;
    g_assert_nonnull(cron);
    g_assert_nonnull(same);
    g_assert_true(cron_next(cron, 0, &a));
    g_assert_true(cron_next(same, 0, &b));
    g_assert_cmpint(a, ==, b);
}

static void test_ends_of_time(void)
{
    g_autoptr(Cron) minutely = cron_parse("* * * * *", "UTC", NULL);
    g_autoptr(Cron) rate = cron_parse("rate(1 day)", "UTC", NULL);
    int64_t at = 42;
    g_assert_false(cron_next(minutely, INT64_MAX, &at));
    g_assert_false(cron_next(rate, INT64_MAX, &at));
    g_assert_cmpint(at, ==, 42);
    g_assert_true(cron_next(minutely, INT64_MIN, &at));
    g_assert_cmpint(at, ==, 0);
}

/* Every due time that a plain minute-by-minute walk finds, and no other; across the spring change.
 */
static void test_agrees_with_walk(void)
{
    g_autoptr(Cron) cron = cron_parse("7-59/13 */5 1-20/3 * tue", "Europe/Berlin", NULL);
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Europe/Berlin");
    int64_t start = 1767225600; /* 2026-01-01T00:00:00Z */
    int64_t due_us;
    int n_due = 0;
    g_assert_true(cron_next(cron, start * CLOCK_US_PER_SEC, &due_us));

    for (int64_t instant = start + 60; instant < start + 120 * 86400; instant += 60) {
        g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(instant);
        g_autoptr(GDateTime) at = g_date_time_to_timezone(utc, zone);
        int day = g_date_time_get_day_of_month(at);
        int minute = g_date_time_get_minute(at);
        bool is_day = (day <= 20 && day % 3 == 1) || g_date_time_get_day_of_week(at) == 2;
        bool is_due =
            is_day && g_date_time_get_hour(at) % 5 == 0 && minute >= 7 && (minute - 7) % 13 == 0;
        g_assert_cmpint(is_due, ==, due_us == instant * CLOCK_US_PER_SEC);
        if (is_due) {
            n_due++;
            g_assert_true(cron_next(cron, due_us, &due_us));
        }
    }
    g_assert_cmpint(n_due, >, 500);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(due_cases); i++) {
        g_autofree char *path = g_strdup_printf("/cron/due/%s", due_cases[i].name);
        g_test_add_data_func(path, &due_cases[i], test_due);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(invalid_cases); i++) {
        g_autofree char *path = g_strdup_printf("/cron/invalid/%s", invalid_cases[i].name);
        g_test_add_data_func(path, &invalid_cases[i], test_invalid);
    }
    g_test_add_func("/cron/unknown-zone", test_unknown_zone);
    g_test_add_func("/cron/too-long", test_too_long);
    g_test_add_func("/cron/local-zone", test_local_zone);
    g_test_add_func("/cron/ends-of-time", test_ends_of_time);
    g_test_add_func("/cron/agrees-with-walk", test_agrees_with_walk);
    return g_test_run();
}
