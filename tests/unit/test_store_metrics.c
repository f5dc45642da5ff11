/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* One invocation of an object. */
typedef struct {
    const char *key;
    /* Start; 0: there was no invocation. */
    int64_t start_us;
    int64_t duration_us;
    ObjectState state;
    ErrorCode error;
    int concurrency;
    bool throttled;
    /* Time at which the object was seen; 0: 100 days before T0. */
    int64_t seen_us;
} Call;

static void invoke(Store *store, const Call *call)
{
    int64_t seen_us = call->seen_us ? call->seen_us : T0 - 100 * DAY;
    Record record;
    int64_t due_us;

    (void)seen_as(store, call->key, version_of(1), PRIORITY_UPLOAD, seen_us);
    if (!peek(store, call->key, &record) || record.state != STATE_PENDING)
        (void)requeue(store, call->key, PRIORITY_UPLOAD, seen_us);
    g_assert_true(claim(store, seen_us, &record, &due_us));
    g_assert_cmpstr(record.key, ==, call->key);

    StoreOutcome outcome = outcome_of(call->state, version_of(1), seen_us + 5000);
    outcome.error = call->error;
    outcome.due_us = seen_us;
    outcome.memory_mb = 512;
    outcome.concurrency = call->concurrency;
    outcome.throttled = call->throttled;
    outcome.attempt = (Attempt){.start_us = call->start_us,
                                .duration_us = call->duration_us,
                                .cpu_us = 7,
                                .memory_bytes = call->duration_us,
                                .error = call->error};
    g_assert_true(finish(store, call->key, &outcome, &record));
}

/* Runs one invocation that succeeds. */
static void invoke_at(Store *store, const char *key, int64_t start_us, int64_t duration_us)
{
    const Call call = {
        .key = key, .start_us = start_us, .duration_us = duration_us, .state = STATE_DONE};
    invoke(store, &call);
}

/* Reads the metrics of a time. Owner: the caller frees. */
static StoreMetrics *read_metrics(Store *store, int64_t since_us, int64_t until_us)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    StoreMetrics *metrics = g_new(StoreMetrics, 1);

    g_assert_true(store_metrics(snapshot, since_us, until_us, metrics, &error));
    g_assert_no_error(error);
    return metrics;
}

static int64_t value_of(Store *store, Metric metric, int64_t since_us, int64_t until_us)
{
    g_autofree StoreMetrics *metrics = read_metrics(store, since_us, until_us);
    return metrics->measures.values[metric];
}

static int64_t all_of(Store *store, Metric metric)
{
    return value_of(store, metric, INT64_MIN, INT64_MAX);
}

static uint64_t count_of(Store *store, Metric metric)
{
    g_autofree StoreMetrics *metrics = read_metrics(store, INT64_MIN, INT64_MAX);
    return measures_distribution(&metrics->measures, metric)->count;
}

static void test_counters(void)
{
    static const Call calls[] = {
        {"good", T0, 1500, STATE_DONE, ERROR_NONE, 1, false, 0},
        {"text", T0, 1000, STATE_SKIPPED, ERROR_NOT_AN_IMAGE, 3, false, 0},
        {"bad", T0, 3000, STATE_DEAD, ERROR_DAMAGED, 2, true, 0},
        {"not opened", 0, 0, STATE_DEAD, ERROR_ACCESS_DENIED, 9, false, 0},
        {"slow", T0, 4000, STATE_PENDING, ERROR_TIMEOUT, 1, false, 0},
        {"slow", T0, 5000, STATE_DONE, ERROR_NONE, 1, true, 0},
        {"changed", T0, 2001, STATE_PENDING, ERROR_SOURCE_CHANGED, 1, false, 0},
    };
    static const struct {
        Metric metric;
        int64_t expected;
    } expected[] = {
        {METRIC_INVOCATIONS, 6},
        /* These are "bad" and "slow". */
        {METRIC_ERRORS, 2},
        {METRIC_RETRIES, 1},
        {METRIC_THROTTLES, 2},
        /* Another attempt is not an event. */
        {METRIC_EVENTS_RECEIVED, 6},
        /* These are "bad" and "not opened". */
        {METRIC_EVENTS_DROPPED, 2},
        {METRIC_DEAD_LETTER_ERRORS, 1},
        {METRIC_BILLED_DURATION, 2 + 1 + 3 + 3 + 4 + 5},
        {METRIC_BILLED_MEMORY, (2 + 1 + 3 + 3 + 4 + 5) * 512},
        {METRIC_CPU_TIME, 42},
        {METRIC_CONCURRENT_EXECUTIONS, 3},
        {METRIC_MEMORY_USED, 5000},
        {METRIC_QUEUE_DEPTH, 1},
        {METRIC_DEAD_LETTERS, 2},
    };
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
        invoke(fixture.store, &calls[i]);
    store_measure(fixture.store, METRIC_DEAD_LETTER_ERRORS, T0, 1);
    commit(fixture.store);
    /* There is no batch, so the change is of nothing. */
    store_measure(fixture.store, METRIC_DEAD_LETTER_ERRORS, T0, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_test_message("%s", metric_info(expected[i].metric)->name);
        g_assert_cmpint(all_of(fixture.store, expected[i].metric), ==, expected[i].expected);
    }
    g_assert_cmpuint(count_of(fixture.store, METRIC_DURATION), ==, 6);
    g_assert_cmpuint(count_of(fixture.store, METRIC_EVENT_AGE), ==, 6);
    /* These are all except "changed". */
    g_assert_cmpuint(count_of(fixture.store, METRIC_LATENCY), ==, 5);
    fixture_clear(&fixture);
}

/* A thumbnail that is made again was not waited for; its age counts from the request. */
static void test_made_anew(void)
{
    static const Call calls[] = {
        {.key = "a", .start_us = T0 + 5 * SECOND, .state = STATE_DONE, .seen_us = T0},
        {.key = "a", .start_us = T0 + DAY + 9 * SECOND, .state = STATE_DONE, .seen_us = T0 + DAY},
    };
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
        invoke(fixture.store, &calls[i]);
    commit(fixture.store);

    g_autofree StoreMetrics *all = read_metrics(fixture.store, INT64_MIN, INT64_MAX);
    const Histogram *age = measures_distribution(&all->measures, METRIC_EVENT_AGE);
    g_assert_cmpuint(age->count, ==, 2);
    g_assert_cmpuint(age->sum, ==, 14 * SECOND);
    g_assert_cmpuint(count_of(fixture.store, METRIC_LATENCY), ==, 1);
    fixture_clear(&fixture);
}

/* An invocation counts even if its object was removed. */
static void test_removed_meanwhile(void)
{
    Fixture fixture;
    Record record;
    int64_t due_us;
    StoreOutcome outcome = outcome_of(STATE_DONE, version_of(1), T0);

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    g_assert_true(claim(fixture.store, T0, &record, &due_us));
    g_assert_true(remove_object(fixture.store, "a", T0));
    commit(fixture.store);
    g_assert_false(finish(fixture.store, "a", &outcome, &record));
    commit(fixture.store);

    g_assert_cmpint(all_of(fixture.store, METRIC_INVOCATIONS), ==, 1);
    g_assert_cmpuint(count_of(fixture.store, METRIC_LATENCY), ==, 0);
    fixture_clear(&fixture);
}

static void test_ranges(void)
{
    static const struct {
        int64_t since_us, until_us;
        int64_t expected;
    } cases[] = {
        {T0, T0 + MINUTE, 1},
        {T0, T0 + MINUTE + 1, 3},
        /* Whole minutes count if they overlap. */
        {T0 + MINUTE / 2, T0 + MINUTE / 2 + 1, 1},
        {T0 + MINUTE, T0 + 2 * MINUTE, 2},
        {T0 + 2 * MINUTE, T0 + 5 * HOUR, 0},
        {T0 - MINUTE, T0, 1},
        {T0 + MINUTE, T0 + MINUTE, 0},
        {T0 + MINUTE, T0, 0},
        {INT64_MIN, T0, 2},
        {T0, INT64_MAX, 3},
        {INT64_MIN, INT64_MAX, 5},
    };
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    /* The time is before 1970. */
    invoke_at(fixture.store, "a", -MINUTE / 2, 1);
    invoke_at(fixture.store, "b", T0 - 1, 1);
    invoke_at(fixture.store, "c", T0, 1);
    invoke_at(fixture.store, "d", T0 + MINUTE, 1);
    commit(fixture.store);
    invoke_at(fixture.store, "e", T0 + 2 * MINUTE - 1, 1);
    commit(fixture.store);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int64_t found =
            value_of(fixture.store, METRIC_INVOCATIONS, cases[i].since_us, cases[i].until_us);
        g_assert_cmpint(found, ==, cases[i].expected);
    }
    fixture_clear(&fixture);
}

/* Days, hours and minutes add up to any range, whichever rows it is read from. */
static void test_random_ranges(void)
{
    enum { CALLS = 400, DAYS = 5, RANGES = 300 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(20260131);
    int64_t starts[CALLS];
    Fixture fixture;

    fixture_init(&fixture, &store_default_limits);
    for (int i = 0; i < CALLS; i++) {
        starts[i] = T0 + g_rand_int_range(rand, 0, DAYS * 24 * 60) * MINUTE +
                    g_rand_int_range(rand, 0, (int)MINUTE);
        invoke_at(fixture.store, "a", starts[i], 1);
        if (i % 50 == 0)
            commit(fixture.store);
    }
    commit(fixture.store);
    for (int i = 0; i < RANGES; i++) {
        int64_t since_us = T0 + g_rand_int_range(rand, -60, DAYS * 24 * 60) * MINUTE;
        int64_t until_us = since_us + g_rand_int_range(rand, 0, DAYS * 24 * 60) * MINUTE;
        int64_t expected = 0;
        for (int j = 0; j < CALLS; j++)
            expected += starts[j] >= since_us && starts[j] < until_us;
        g_assert_cmpint(value_of(fixture.store, METRIC_INVOCATIONS, since_us, until_us), ==,
                        expected);
    }
    fixture_clear(&fixture);
}

/* Asserts the distribution of 1000 invocations of 100, 200, ... us. */
static void test_shape(Store *store)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    InvocationFigures all;
    int64_t before = 0;

    g_assert_true(store_invocations(snapshot, INT64_MIN, INT64_MAX, &all, &error));
    for (int i = 0; i < QUANTILES_SHAPE_CELLS; i++) {
        int64_t below = MIN(((INT64_C(1024) << i) - 1) / 100, 1000);
        g_assert_cmpuint(all.duration.shape[i], ==, below - before);
        before = below;
    }
}

static void test_quantiles(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    for (int i = 1; i <= 1000; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        invoke_at(fixture.store, key, T0, i * 100);
        if (i % 13 == 0)
            commit(fixture.store);
    }
    commit(fixture.store);

    g_autofree StoreMetrics *all = read_metrics(fixture.store, INT64_MIN, INT64_MAX);
    const Histogram *found = measures_distribution(&all->measures, METRIC_DURATION);
    static const double quantiles[] = {0.5, 0.9, 0.99};
    g_assert_cmpuint(found->count, ==, 1000);
    for (size_t i = 0; i < G_N_ELEMENTS(quantiles); i++)
        g_assert_cmpfloat_with_epsilon((double)histogram_quantile(found, quantiles[i]),
                                       quantiles[i] * 100000, quantiles[i] * 100000 * 0.02);
    g_assert_cmpint(found->max, ==, 100000);
    test_shape(fixture.store);
    fixture_clear(&fixture);
}

/* A level keeps its last value, also over minutes without a change. */
static void test_levels(void)
{
    Fixture fixture;
    Store *store;
    Statistic maximum = {.type = STATISTIC_MAXIMUM};
    double depth;

    fixture_init(&fixture, &small_limits);
    store = fixture.store;
    g_autofree StoreMetrics *before = read_metrics(store, T0, T0 + MINUTE);
    g_assert_false(measures_statistic(&before->measures, METRIC_QUEUE_DEPTH, maximum, &depth));

    for (int i = 0; i < 5; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        (void)seen_as(store, key, version_of(1), PRIORITY_UPLOAD, T0);
    }
    commit(store);
    (void)remove_object(store, "0", T0 + 1);
    (void)remove_object(store, "1", T0 + 1);
    commit(store);
    g_assert_cmpint(value_of(store, METRIC_QUEUE_DEPTH, T0, T0 + MINUTE), ==, 5);

    g_autofree StoreMetrics *after = read_metrics(store, T0 + DAY, T0 + DAY + MINUTE);
    g_assert_false(after->measures.has_data);
    g_assert_true(measures_statistic(&after->measures, METRIC_QUEUE_DEPTH, maximum, &depth));
    g_assert_cmpfloat(depth, ==, 3);
    g_assert_false(measures_statistic(&after->measures, METRIC_ERRORS,
                                      (Statistic){.type = STATISTIC_SUM}, &depth));
    g_assert_false(measures_statistic(&after->measures, METRIC_DURATION, maximum, &depth));

    (void)remove_object(store, "2", T0 + DAY + 2 * MINUTE);
    commit(store);
    g_assert_cmpint(value_of(store, METRIC_QUEUE_DEPTH, T0 + DAY + 2 * MINUTE, T0 + 2 * DAY), ==,
                    3);
    g_assert_cmpint(value_of(store, METRIC_QUEUE_DEPTH, T0 + DAY + 3 * MINUTE, T0 + 2 * DAY), ==,
                    2);
    fixture_clear(&fixture);
}

/* Minutes and later hours are removed. The rest is known by hours, and later by days. */
static void test_retention(void)
{
    const StoreRetention retention = {.events_max = 1000, .minutes_us = DAY, .hours_us = 10 * DAY};
    Fixture fixture;
    Store *store;

    fixture_init(&fixture, &store_default_limits);
    store = fixture.store;
    store_set_retention(store, &retention);
    for (int i = 0; i < 40; i++) {
        int64_t start_us = T0 + i * DAY / 2 + 30 * MINUTE;
        const Call call = {
            .key = "a", .start_us = start_us, .state = STATE_DONE, .seen_us = start_us};
        invoke(store, &call);
        commit(store);
    }
    int64_t end_us = T0 + 20 * DAY;
    g_assert_cmpint(value_of(store, METRIC_INVOCATIONS, T0, end_us), ==, 40);

    /* Each range begins where the invocations of that time are separate from earlier ones. */
    static const struct {
        int64_t since_us, since_found_us, expected;
    } cases[] = {
        {T0 + 19 * DAY + 29 * MINUTE, T0 + 19 * DAY + 29 * MINUTE, 2},
        {T0 + 19 * DAY + 31 * MINUTE, T0 + 19 * DAY + 31 * MINUTE, 1},
        {T0 + 15 * DAY + 31 * MINUTE, T0 + 15 * DAY, 10},
        {T0 + 15 * DAY + 61 * MINUTE, T0 + 15 * DAY + HOUR, 9},
        {T0 + 3 * DAY + 61 * MINUTE, T0 + 3 * DAY, 34},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree StoreMetrics *found = read_metrics(store, cases[i].since_us, end_us);
        g_assert_cmpint(found->since_us, ==, cases[i].since_found_us);
        g_assert_cmpint(found->measures.values[METRIC_INVOCATIONS], ==, cases[i].expected);
    }
    fixture_clear(&fixture);
}

static Bill read_bill(Store *store, int64_t since_us, int64_t until_us)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    Bill bill;

    g_assert_true(store_bill(snapshot, since_us, until_us, &bill, &error));
    g_assert_no_error(error);
    return bill;
}

static void test_bill(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    g_assert_cmpint(read_bill(fixture.store, T0, T0 + DAY).counted_since_us, ==, 0);
    invoke_at(fixture.store, "a", T0 - 1, 10001);
    invoke_at(fixture.store, "b", T0, 20001);
    invoke_at(fixture.store, "c", T0 + 31 * DAY - 1, 30000);
    invoke_at(fixture.store, "d", T0 + 31 * DAY, 40000);
    commit(fixture.store);

    Bill bill = read_bill(fixture.store, T0, T0 + 31 * DAY);
    g_assert_cmpuint(bill.requests, ==, 2);
    g_assert_cmpuint(bill.billed_ms, ==, 21 + 30);
    g_assert_cmpuint(bill.billed_mb_ms, ==, (21 + 30) * 512);
    g_assert_cmpint(bill.counted_since_us, ==, T0 - 100 * DAY + 5000);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/metrics/counters", test_counters);
    g_test_add_func("/store/metrics/made_anew", test_made_anew);
    g_test_add_func("/store/metrics/removed_meanwhile", test_removed_meanwhile);
    g_test_add_func("/store/metrics/ranges", test_ranges);
    g_test_add_func("/store/metrics/random_ranges", test_random_ranges);
    g_test_add_func("/store/metrics/quantiles", test_quantiles);
    g_test_add_func("/store/metrics/levels", test_levels);
    g_test_add_func("/store/metrics/retention", test_retention);
    g_test_add_func("/store/metrics/bill", test_bill);
    return g_test_run();
}
