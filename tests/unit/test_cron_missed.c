/* SPDX-License-Identifier: Apache-2.0 */
/* The runs after a pause: none, the last, or all of the missed ones, within a bound. */
#include "base/clock.h"
#include "watcher/cron.h"

#include <string.h>

#define NEVER "-"

typedef struct {
    const char *name, *expression, *zone;
    /* In UTC. */
    const char *after, *until;
    /* 0: catchup = none; 1: once; more: all. */
    unsigned max;
    /* First run, in UTC; NEVER: there is none. */
    const char *first;
} MissedCase;

static const MissedCase cases[] = {
    {"none", "0 3 * * *", "UTC", "2026-01-01T00:00:00", "2026-01-31T12:00:00", 0, NEVER},
    {"nothing-was-due", "0 3 * * *", "UTC", "2026-01-01T03:00:00", "2026-01-02T02:59:59", 1, NEVER},
    {"due-right-now", "0 3 * * *", "UTC", "2026-01-01T03:00:00", "2026-01-02T03:00:00", 1,
     "2026-01-02T03:00:00"},
    {"once-is-the-last", "0 3 * * *", "UTC", "2026-01-01T00:00:00", "2026-01-31T12:00:00", 1,
     "2026-01-31T03:00:00"},
    {"once-is-the-last-however-long-ago", "@yearly", "UTC", "2024-06-01T00:00:00",
     "2026-12-31T00:00:00", 1, "2026-01-01T00:00:00"},
    {"all-begins-with-the-first", "0 3 * * *", "UTC", "2026-01-01T00:00:00", "2026-01-31T12:00:00",
     CRON_MISSED_MAX, "2026-01-01T03:00:00"},
    {"all-is-bounded", "* * * * *", "UTC", "2020-01-01T00:00:00", "2026-01-31T12:00:30",
     CRON_MISSED_MAX, "2026-01-31T10:21:00"},
    {"all-just-fits", "* * * * *", "UTC", "2026-01-31T10:20:00", "2026-01-31T12:00:00",
     CRON_MISSED_MAX, "2026-01-31T10:21:00"},
    {"bound-of-three", "0 * * * *", "UTC", "2026-01-01T00:00:00", "2026-01-02T00:30:00", 3,
     "2026-01-01T22:00:00"},
    {"clock-was-set-back", "* * * * *", "UTC", "2030-01-01T00:00:00", "2026-01-01T00:00:00",
     CRON_MISSED_MAX, NEVER},
    {"before-1970", "0 0 1 1 *", "UTC", "1901-01-01T00:00:00", "1970-06-01T00:00:00",
     CRON_MISSED_MAX, "1970-01-01T00:00:00"},
    {"left-out-in-spring", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00",
     "2026-03-29T12:00:00", CRON_MISSED_MAX, NEVER},
    {"once-in-autumn", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00", "2026-10-25T12:00:00",
     CRON_MISSED_MAX, "2026-10-25T00:30:00"},
    {"rate-counts-from-the-last", "rate(1 hour)", "UTC", "2026-01-01T00:10:00",
     "2026-01-01T05:00:00", CRON_MISSED_MAX, "2026-01-01T01:10:00"},
    {"rate-once", "rate(1 hour)", "UTC", "2026-01-01T00:10:00", "2026-01-01T05:00:00", 1,
     "2026-01-01T04:10:00"},
    {"rate-bounded", "rate(1 minute)", "UTC", "2020-01-01T00:00:30", "2026-01-01T00:00:00", 10,
     "2025-12-31T23:50:30"},
    {"rate-not-yet", "rate(1 day)", "UTC", "2026-01-01T00:00:00", "2026-01-01T23:59:59", 1, NEVER},
    {"at-once", "at(2026-01-31T12:00:00)", "UTC", "2026-01-01T00:00:00", "2027-01-01T00:00:00",
     CRON_MISSED_MAX, "2026-01-31T12:00:00"},
    {"at-not-twice", "at(2026-01-31T12:00:00)", "UTC", "2026-01-31T12:00:00", "2027-01-01T00:00:00",
     CRON_MISSED_MAX, NEVER},
    {"never-due", "0 0 30 2 *", "UTC", "1990-01-01T00:00:00", "2026-01-01T00:00:00",
     CRON_MISSED_MAX, NEVER},
};

static int64_t utc(const char *text)
{
    g_autofree char *with_zone = g_strconcat(text, "Z", NULL);
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(with_zone, NULL);

    g_assert_nonnull(time);
    return g_date_time_to_unix(time) * CLOCK_US_PER_SEC;
}

static void test_case(const void *data)
{
    const MissedCase *c = data;
    g_autoptr(Cron) cron = cron_parse(c->expression, c->zone, NULL);
    int64_t first_us = 42;
    bool any = cron_missed(cron, utc(c->after), utc(c->until), c->max, &first_us);

    if (strcmp(c->first, NEVER) == 0) {
        g_assert_false(any);
        g_assert_cmpint(first_us, ==, 42);
    } else {
        g_assert_true(any);
        g_assert_cmpint(first_us, ==, utc(c->first));
    }
}

/* A walk over the missed times meets each of them once, in order. */
static void test_one_by_one(void)
{
    g_autoptr(Cron) cron = cron_parse("*/7 3-5 * * mon-fri", "Australia/Lord_Howe", NULL);
    int64_t after_us = utc("2026-03-30T00:00:00"), until_us = utc("2026-04-06T12:00:00");
    int64_t handled_us = after_us, expected_us = after_us, first_us;
    int n = 0;

    while (cron_missed(cron, handled_us, until_us, CRON_MISSED_MAX, &first_us)) {
        /* There are more than a hundred, so the oldest are left out. */
        if (n == 0)
            expected_us = first_us;
        else
            g_assert_true(cron_next(cron, expected_us, &expected_us));
        g_assert_cmpint(first_us, ==, expected_us);
        handled_us = first_us;
        n++;
    }
    g_assert_cmpint(n, ==, CRON_MISSED_MAX);
}

static int64_t newest_by_walk(const Cron *cron, int64_t after_us, int64_t until_us, unsigned max)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(int64_t));

    for (int64_t at_us = after_us; cron_next(cron, at_us, &at_us) && at_us <= until_us;)
        g_array_append_val(all, at_us);
    return all->len == 0 ? -1 : g_array_index(all, int64_t, all->len < max ? 0 : all->len - max);
}

static void test_agrees_with_walk(void)
{
    static const char *const expressions[] = {"* * * * *",     "17 */5 * * *",  "0 0 29 2 *",
                                              "*/3 1 * 6 sun", "rate(7 hours)", "@monthly"};
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    int64_t epoch_us = utc("2026-01-01T00:00:00");

    /* The first schedule is due every minute, so this covers only hours. */
    for (int i = 0; i < 600; i++) {
        g_autoptr(Cron) cron =
            cron_parse(expressions[i % G_N_ELEMENTS(expressions)], "Europe/Berlin", NULL);
        int64_t after_us = epoch_us + g_rand_int_range(rand, 0, 86400) * CLOCK_US_PER_SEC;
        int64_t span_s = g_rand_int_range(rand, 1, i % 6 != 0 ? 300 * 86400 : 86400 / 4);
        unsigned max = (unsigned)g_rand_int_range(rand, 1, CRON_MISSED_MAX + 1);
        int64_t until_us = after_us + span_s * CLOCK_US_PER_SEC;
        int64_t first_us = -1;

        (void)cron_missed(cron, after_us, until_us, max, &first_us);
        g_assert_cmpint(first_us, ==, newest_by_walk(cron, after_us, until_us, max));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/cron-missed/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/cron-missed/one-by-one", test_one_by_one);
    g_test_add_func("/cron-missed/agrees-with-walk", test_agrees_with_walk);
    return g_test_run();
}
