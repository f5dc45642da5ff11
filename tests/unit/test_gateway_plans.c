/* SPDX-License-Identifier: Apache-2.0 */
/* Usage plans: periods of the calendar, tokens of a rate, and counters that survive. */
#include "plans.h"

#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define SECOND CLOCK_US_PER_SEC

typedef struct {
    char *path;
    int fd;
} State;

static void state_open_new(State *state)
{
    state->path = g_dir_make_tmp("thumbq-plans-XXXXXX", NULL);
    state->fd = open(state->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(state->fd, >=, 0);
}

static void state_close(State *state)
{
    static const char *const names[] = {PLANS_FILE, PLANS_FILE ".damaged"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        (void)unlinkat(state->fd, names[i], 0);
    fd_clear(&state->fd);
    g_assert_cmpint(g_rmdir(state->path), ==, 0);
    g_free(state->path);
}

static int64_t at(const char *text)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);

    return g_date_time_to_unix(time) * SECOND;
}

static Plans *open_plans(const State *state, int64_t now_us, bool expect_damaged)
{
    g_autoptr(GError) error = NULL;
    bool is_damaged;
    Plans *plans = plans_open(state->fd, now_us, &is_damaged, &error);

    g_assert_no_error(error);
    g_assert_cmpint(is_damaged, ==, expect_damaged);
    return plans;
}

static void test_periods(void)
{
    static const struct {
        QuotaPeriod period;
        const char *now, *start, *end;
    } rows[] = {
        {QUOTA_DAY, "2026-11-28T22:00:00Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"},
        {QUOTA_DAY, "2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
        {QUOTA_WEEK, "2026-11-28T22:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
        {QUOTA_WEEK, "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
        {QUOTA_WEEK, "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
        {QUOTA_MONTH, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
        {QUOTA_MONTH, "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t end_us;
        g_assert_cmpint(plans_period(rows[i].period, at(rows[i].now), &end_us), ==,
                        at(rows[i].start));
        g_assert_cmpint(end_us, ==, at(rows[i].end));
    }
}

static void test_rate(void)
{
    static const struct {
        /* Milliseconds since the first request. */
        int64_t ms;
        PlanVerdict verdict;
        int64_t retry_s;
    } rows[] = {
        {0, PLAN_ALLOWED, 0},
        {0, PLAN_ALLOWED, 0},
        {0, PLAN_ALLOWED, 0},
        {0, PLAN_RATE, 2},
        {1999, PLAN_RATE, 1},
        {2000, PLAN_ALLOWED, 0},
        {2001, PLAN_RATE, 2},
        {4000, PLAN_ALLOWED, 0},
        {100000, PLAN_ALLOWED, 0},
        /* The burst is the most, however long no request came. */
        {100000, PLAN_ALLOWED, 0},
        {100000, PLAN_ALLOWED, 0},
        {100000, PLAN_RATE, 2},
    };
    const PlanConfig plan = {.rate = 0.5, .burst = 3};
    State state;

    state_open_new(&state);
    Plans *plans = open_plans(&state, 0, false);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const PlanTime now = {0, SECOND + rows[i].ms * CLOCK_US_PER_MS};
        int64_t retry_s = 0;
        g_assert_cmpint(plans_count(plans, "a", &plan, now, &retry_s), ==, rows[i].verdict);
        g_assert_cmpint(retry_s, ==, rows[i].retry_s);
    }
    /* Another key has tokens of its own. */
    int64_t retry_s;
    const PlanTime now = {0, 200 * SECOND};
    g_assert_cmpint(plans_count(plans, "b", &plan, now, &retry_s), ==, PLAN_ALLOWED);
    plans_free(plans);
    state_close(&state);
}

static PlanVerdict take(Plans *plans, const char *id, const PlanConfig *plan, const char *time,
                        int64_t *ret_retry_s)
{
    const PlanTime now = {at(time), SECOND};

    return plans_count(plans, id, plan, now, ret_retry_s);
}

static const PlanConfig daily = {.quota_requests = 2, .quota_period = QUOTA_DAY};

static void test_quota(void)
{
    static const struct {
        const char *time;
        PlanVerdict verdict;
        int64_t retry_s;
    } rows[] = {
        {"2026-11-28T23:00:00Z", PLAN_ALLOWED, 0},
        {"2026-11-28T23:00:01Z", PLAN_ALLOWED, 0},
        {"2026-11-28T23:00:02Z", PLAN_QUOTA, 3598},
        {"2026-11-28T23:59:59Z", PLAN_QUOTA, 1},
        {"2026-11-29T00:00:00Z", PLAN_ALLOWED, 0},
        /* A clock that is set back by seconds does not give the requests of the day again. */
        {"2026-11-28T23:59:59Z", PLAN_ALLOWED, 0},
        {"2026-11-28T23:59:59Z", PLAN_QUOTA, 1},
        {"2026-11-29T00:00:01Z", PLAN_QUOTA, 86399},
        /* A clock that was years ahead does not lock the key out for years. */
        {"2036-01-01T00:00:00Z", PLAN_ALLOWED, 0},
        {"2036-01-01T00:00:00Z", PLAN_ALLOWED, 0},
        {"2026-11-29T01:00:00Z", PLAN_ALLOWED, 0},
    };
    State state;

    state_open_new(&state);
    Plans *plans = open_plans(&state, 0, false);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t retry_s = 0;
        g_assert_cmpint(take(plans, "a", &daily, rows[i].time, &retry_s), ==, rows[i].verdict);
        g_assert_cmpint(retry_s, ==, rows[i].retry_s);
    }
    plans_free(plans);
    state_close(&state);
}

/* The counters are in the file before the verdict: another process that opens the file, as after a
 * kill, has them. */
static void test_survives(void)
{
    static const char noon[] = "2026-11-28T12:00:00Z";
    State state;
    int64_t retry_s;

    state_open_new(&state);
    Plans *killed = open_plans(&state, at(noon), false);
    g_assert_cmpint(take(killed, "a", &daily, noon, &retry_s), ==, PLAN_ALLOWED);
    g_assert_cmpint(take(killed, "b", &daily, noon, &retry_s), ==, PLAN_ALLOWED);
    g_assert_cmpint(take(killed, "a", &daily, noon, &retry_s), ==, PLAN_ALLOWED);

    Plans *plans = open_plans(&state, at(noon), false);
    g_assert_cmpint(plans_used(plans, "a"), ==, 2);
    g_assert_cmpint(plans_used(plans, "b"), ==, 1);
    g_assert_cmpint(take(plans, "a", &daily, noon, &retry_s), ==, PLAN_QUOTA);
    g_assert_cmpint(take(plans, "b", &daily, noon, &retry_s), ==, PLAN_ALLOWED);
    plans_free(plans);
    plans_free(killed);
    state_close(&state);
}

static off_t file_size(const State *state)
{
    struct stat st;

    g_assert_cmpint(fstatat(state->fd, PLANS_FILE, &st, 0), ==, 0);
    return st.st_size;
}

/* Records of keys that have made no request for long are used again. */
static void test_stale(void)
{
    State state;
    int64_t retry_s;

    state_open_new(&state);
    Plans *plans = open_plans(&state, 0, false);
    (void)take(plans, "old", &daily, "2026-01-01T00:00:00Z", &retry_s);
    plans_free(plans);
    const off_t size = file_size(&state);
    plans = open_plans(&state, at("2026-06-01T00:00:00Z"), false);
    g_assert_cmpint(plans_used(plans, "old"), ==, 0);
    (void)take(plans, "new", &daily, "2026-06-01T00:00:00Z", &retry_s);
    plans_free(plans);
    g_assert_cmpint(file_size(&state), ==, size);
    plans = open_plans(&state, at("2026-06-01T00:00:00Z"), false);
    g_assert_cmpint(plans_used(plans, "new"), ==, 1);
    plans_free(plans);
    state_close(&state);
}

/* A file that is damaged is set aside; one that was cut within its last record is not. */
static void test_damaged(const void *data)
{
    const char *damage = data;
    State state;
    int64_t retry_s;
    static const char noon[] = "2026-11-28T12:00:00Z";

    state_open_new(&state);
    Plans *plans = open_plans(&state, at(noon), false);
    (void)take(plans, "a", &daily, noon, &retry_s);
    (void)take(plans, "b", &daily, noon, &retry_s);
    plans_free(plans);
    autofd fd = openat(state.fd, PLANS_FILE, O_RDWR | O_CLOEXEC);
    const bool is_cut = strcmp(damage, "cut") == 0;
    if (is_cut)
        g_assert_cmpint(ftruncate(fd, file_size(&state) - 1), ==, 0);
    else
        g_assert_cmpint(pwrite(fd, "xxxxxxxx", 8, strcmp(damage, "magic") == 0 ? 0 : 64 + 40), ==,
                        8);
    plans = open_plans(&state, at(noon), !is_cut);
    g_assert_cmpint(plans_used(plans, "a"), ==, is_cut ? 1 : 0);
    g_assert_cmpint(plans_used(plans, "b"), ==, 0);
    g_assert_cmpint(take(plans, "b", &daily, noon, &retry_s), ==, PLAN_ALLOWED);
    plans_free(plans);
    plans = open_plans(&state, at(noon), false);
    g_assert_cmpint(plans_used(plans, "b"), ==, 1);
    plans_free(plans);
    state_close(&state);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plans/periods", test_periods);
    g_test_add_func("/plans/rate", test_rate);
    g_test_add_func("/plans/quota", test_quota);
    g_test_add_func("/plans/survives", test_survives);
    g_test_add_func("/plans/stale", test_stale);
    g_test_add_data_func("/plans/damaged/magic", "magic", test_damaged);
    g_test_add_data_func("/plans/damaged/record", "record", test_damaged);
    g_test_add_data_func("/plans/damaged/cut", "cut", test_damaged);
    return g_test_run();
}
