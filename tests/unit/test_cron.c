/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules that are refused, and the ends of time. */
#include "base/clock.h"
#include "base/error.h"
#include "watcher/cron.h"

#include <string.h>

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

/* cron_next finds the same due times as a walk over all minutes, across the change of clocks in
 * spring. */
static void test_agrees_with_walk(void)
{
    g_autoptr(Cron) cron = cron_parse("7-59/13 */5 1-20/3 * tue", "Europe/Berlin", NULL);
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Europe/Berlin");
    /* The time 2026-01-01T00:00:00Z. */
    int64_t start = 1767225600;
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
