#include "store_fixture.h"

/* ---- invocations --------------------------------------------------------------------------------
 */

#define HOUR (3600 * SECOND)

/* One object goes through one invocation that starts at `start_us` (0: none took place). */
static void invoke(Store *store, const char *key, int64_t start_us, int64_t duration_us,
                   ObjectState state, ErrorCode code)
{
    int64_t seen_us = T0 - 100 * DAY;
    Record record;
    int64_t due_us;

    (void)seen_as(store, key, version_of(1), PRIORITY_UPLOAD, seen_us);
    if (!peek(store, key, &record) || record.state != STATE_PENDING)
        (void)requeue(store, key, PRIORITY_UPLOAD, seen_us);
    g_assert_true(claim(store, seen_us, &record, &due_us));
    g_assert_cmpstr(record.key, ==, key);

    StoreOutcome outcome = outcome_of(state, version_of(1), seen_us + 5000);
    outcome.error = code;
    outcome.due_us = seen_us;
    outcome.attempt = (RecordAttempt){.start_us = start_us,
                                      .duration_us = duration_us,
                                      .cpu_us = 7,
                                      .memory_bytes = duration_us,
                                      .error = code};
    g_assert_true(finish(store, key, &outcome, &record));
}

static StoreInvocations read_invocations(Store *store, int64_t since_us, int64_t until_us)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    StoreInvocations invocations;

    g_assert_true(store_invocations(snapshot, since_us, until_us, &invocations, &error));
    g_assert_no_error(error);
    return invocations;
}

static void test_counters(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    invoke(fixture.store, "good", T0, 1500, STATE_DONE, ERROR_NONE);
    invoke(fixture.store, "text", T0, 1000, STATE_SKIPPED, ERROR_NOT_AN_IMAGE);
    invoke(fixture.store, "changed", T0, 2001, STATE_PENDING, ERROR_SOURCE_CHANGED);
    (void)remove_object(fixture.store, "changed", T0);
    invoke(fixture.store, "bad", T0, 3000, STATE_DEAD, ERROR_DAMAGED);
    invoke(fixture.store, "not opened", 0, 0, STATE_DEAD, ERROR_ACCESS_DENIED);
    invoke(fixture.store, "slow", T0, 4000, STATE_PENDING, ERROR_TIMEOUT);
    invoke(fixture.store, "slow", T0, 5000, STATE_DONE, ERROR_NONE);
    commit(fixture.store);

    StoreInvocations all = read_invocations(fixture.store, INT64_MIN, INT64_MAX);
    g_assert_cmpuint(all.invocations, ==, 6);
    g_assert_cmpuint(all.errors, ==, 2); /* bad and slow */
    g_assert_cmpuint(all.retries, ==, 1);
    g_assert_cmpuint(all.billed_ms, ==, 2 + 1 + 3 + 3 + 4 + 5);
    g_assert_cmpint(all.duration_us, ==, 16501);
    g_assert_cmpint(all.cpu_us, ==, 42);
    g_assert_cmpint(all.memory_max, ==, 5000);
    g_assert_cmpuint(all.duration.count, ==, 6);
    g_assert_cmpint(all.duration.max, ==, 5000);
    g_assert_cmpuint(all.latency.count, ==, 5); /* all but the one that changed */
    g_assert_cmpint(all.latency.max, ==, 5000);
    fixture_clear(&fixture);
}

/* What is made anew was not waited for. */
static void test_latency_of_requeued(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    invoke(fixture.store, "a", T0, 1000, STATE_DONE, ERROR_NONE);
    invoke(fixture.store, "a", T0, 1000, STATE_DONE, ERROR_NONE);
    commit(fixture.store);

    StoreInvocations all = read_invocations(fixture.store, INT64_MIN, INT64_MAX);
    g_assert_cmpuint(all.invocations, ==, 2);
    g_assert_cmpuint(all.latency.count, ==, 1);
    fixture_clear(&fixture);
}

/* An invocation counts even when its object has gone. */
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

    StoreInvocations all = read_invocations(fixture.store, INT64_MIN, INT64_MAX);
    g_assert_cmpuint(all.invocations, ==, 1);
    g_assert_cmpuint(all.latency.count, ==, 0);
    fixture_clear(&fixture);
}

static void test_hours(void)
{
    static const struct {
        int64_t since_us, until_us;
        uint64_t expected;
    } cases[] = {
        {T0, T0 + HOUR, 1},
        {T0, T0 + HOUR + 1, 3},
        {T0 + HOUR / 2, T0 + HOUR / 2 + 1, 1}, /* whole hours that overlap */
        {T0 + HOUR, T0 + 2 * HOUR, 2},
        {T0 + 2 * HOUR, T0 + 5 * HOUR, 0},
        {T0 - HOUR, T0, 1},
        {T0 + HOUR, T0 + HOUR, 0},
        {T0 + HOUR, T0, 0},
        {INT64_MIN, T0, 2},
        {T0, INT64_MAX, 3},
        {INT64_MIN, INT64_MAX, 5},
    };
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    invoke(fixture.store, "a", -HOUR / 2, 1, STATE_DONE, ERROR_NONE); /* before 1970 */
    invoke(fixture.store, "b", T0 - 1, 1, STATE_DONE, ERROR_NONE);
    invoke(fixture.store, "c", T0, 1, STATE_DONE, ERROR_NONE);
    invoke(fixture.store, "d", T0 + HOUR, 1, STATE_DONE, ERROR_NONE);
    commit(fixture.store);
    invoke(fixture.store, "e", T0 + 2 * HOUR - 1, 1, STATE_DONE, ERROR_NONE);
    commit(fixture.store);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        StoreInvocations found =
            read_invocations(fixture.store, cases[i].since_us, cases[i].until_us);
        g_assert_cmpuint(found.invocations, ==, cases[i].expected);
        g_assert_cmpuint(found.duration.count, ==, cases[i].expected);
    }
    fixture_clear(&fixture);
}

static void test_quantiles(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    for (int i = 1; i <= 1000; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        invoke(fixture.store, key, T0, i * 100, STATE_DONE, ERROR_NONE);
        if (i % 13 == 0)
            commit(fixture.store);
    }
    commit(fixture.store);

    StoreQuantiles found = read_invocations(fixture.store, INT64_MIN, INT64_MAX).duration;
    g_assert_cmpuint(found.count, ==, 1000);
    g_assert_cmpfloat_with_epsilon((double)found.p50, 50000, 50000 * 0.03);
    g_assert_cmpfloat_with_epsilon((double)found.p90, 90000, 90000 * 0.03);
    g_assert_cmpfloat_with_epsilon((double)found.p99, 99000, 99000 * 0.03);
    g_assert_cmpint(found.max, ==, 100000);
    int64_t before = 0;
    for (int i = 0; i < STORE_SHAPE_CELLS; i++) {
        int64_t below = MIN(((INT64_C(1024) << i) - 1) / 100, 1000);
        g_assert_cmpuint(found.shape[i], ==, below - before);
        before = below;
    }
    fixture_clear(&fixture);
}

/* ---- events -------------------------------------------------------------------------------------
 */

typedef struct {
    GString *text;
    uint64_t last;
    int count;
} Log;

static bool log_event(const StoreEvent *event, void *data)
{
    Log *log = data;

    g_assert_cmpuint(event->sequencer, >, log->last);
    log->last = event->sequencer;
    log->count++;
    if (log->text)
        g_string_append_printf(log->text, "%s %s %s %d; ", store_event_name(event->type),
                               event->key, error_name(event->error),
                               (int)((event->time_us - T0) / SECOND));
    return true;
}

static Log read_events(Store *store, uint64_t after, uint64_t id, uint64_t limit, GString *text)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    Log log = {.text = text, .last = after};

    g_assert_true(store_events(snapshot, after, id, limit, log_event, &log, &error));
    g_assert_no_error(error);
    return log;
}

/* Each thing that happens to an object has its row, and only those. */
static void test_events(void)
{
    Fixture fixture;
    Store *store;
    Record record;
    int64_t due_us;
    ObjectVersion moved = version_of(2);
    g_autoptr(GString) all = g_string_new(NULL);
    g_autoptr(GString) one = g_string_new(NULL);

    fixture_init(&fixture, &small_limits);
    store = fixture.store;
    (void)seen_as(store, "a", version_of(1), PRIORITY_UPLOAD, T0 + 1 * SECOND);
    (void)seen_as(store, "a", version_of(1), PRIORITY_UPLOAD, T0 + 2 * SECOND);
    (void)claim(store, T0 + 3 * SECOND, &record, &due_us);
    uint64_t id = record.id;
    (void)seen_as(store, "a", version_of(2), PRIORITY_UPLOAD, T0 + 4 * SECOND);
    StoreOutcome outcome = outcome_of(STATE_DONE, version_of(1), T0 + 5 * SECOND);
    (void)finish(store, "a", &outcome, &record);
    (void)seen_as(store, "b", version_of(1), PRIORITY_UPLOAD, T0 + 6 * SECOND);
    (void)claim(store, T0 + 6 * SECOND, &record, &due_us);
    g_assert_cmpuint(record.id, ==, id);
    outcome = outcome_of(STATE_DEAD, version_of(2), T0 + 7 * SECOND);
    outcome.error = ERROR_DAMAGED;
    (void)finish(store, "a", &outcome, &record);
    (void)requeue(store, "a", PRIORITY_UPLOAD, T0 + 7 * SECOND);
    (void)claim(store, T0 + 7 * SECOND, &record, &due_us); /* b */
    (void)claim(store, T0 + 7 * SECOND, &record, &due_us);
    outcome = outcome_of(STATE_SKIPPED, version_of(2), T0 + 8 * SECOND);
    outcome.error = ERROR_NOT_AN_IMAGE;
    (void)finish(store, "a", &outcome, &record);
    moved.ctime_ns++;
    g_assert_true(move_object(store, "a", "c", moved, T0 + 9 * SECOND, &record));
    g_assert_true(remove_object(store, "c", T0 + 10 * SECOND));
    commit(store);

    (void)read_events(store, 0, 0, 0, all);
    g_assert_cmpstr(all->str, ==,
                    "created a none 1; created a none 4; retry a source_changed 5; "
                    "created b none 6; dead a damaged 7; skipped a not_an_image 8; "
                    "moved c none 9; removed c none 10; ");
    (void)read_events(store, 0, id, 0, one);
    g_assert_cmpstr(one->str, ==,
                    "created a none 1; created a none 4; retry a source_changed 5; "
                    "dead a damaged 7; skipped a not_an_image 8; moved c none 9; "
                    "removed c none 10; ");
    g_assert_cmpint(read_events(store, 0, id + 100, 0, NULL).count, ==, 0);
    g_assert_cmpint(read_events(store, UINT64_MAX, 0, 0, NULL).count, ==, 0);
    fixture_clear(&fixture);
}

/* Read in slices, each from where the one before ended. */
static void test_events_in_slices(void)
{
    Fixture fixture;
    uint64_t after = 0;
    int count = 0;

    fixture_init(&fixture, &small_limits);
    for (int i = 0; i < 50; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        (void)seen_as(fixture.store, key, version_of(1), PRIORITY_UPLOAD, T0);
    }
    commit(fixture.store);
    for (;;) {
        Log log = read_events(fixture.store, after, 0, 7, NULL);
        g_assert_cmpint(log.count, <=, 7);
        if (log.count == 0)
            break;
        count += log.count;
        after = log.last;
    }
    g_assert_cmpint(count, ==, 50);
    fixture_clear(&fixture);
}

/* The log keeps its newest rows, and none of an object's are left behind those. */
static void test_event_ring(void)
{
    int max = (int)small_limits.events_max;
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "first", version_of(1), PRIORITY_UPLOAD, T0);
    g_assert_true(peek(fixture.store, "first", &record));
    uint64_t first_id = record.id;
    for (int i = 0; i < max * 3; i++) {
        (void)seen_as(fixture.store, "a", version_of(i), PRIORITY_UPLOAD, T0);
        if (i % 17 == 0)
            commit(fixture.store);
    }
    commit(fixture.store);
    g_assert_true(peek(fixture.store, "a", &record));

    Log log = read_events(fixture.store, 0, 0, 0, NULL);
    g_assert_cmpint(log.count, ==, max);
    g_assert_cmpuint(log.last, ==, record.sequencer);
    g_assert_cmpint(read_events(fixture.store, 0, first_id, 0, NULL).count, ==, 0);
    g_assert_cmpint(read_events(fixture.store, 0, record.id, 0, NULL).count, ==, max);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/metrics/counters", test_counters);
    g_test_add_func("/store/metrics/latency_of_requeued", test_latency_of_requeued);
    g_test_add_func("/store/metrics/removed_meanwhile", test_removed_meanwhile);
    g_test_add_func("/store/metrics/hours", test_hours);
    g_test_add_func("/store/metrics/quantiles", test_quantiles);
    g_test_add_func("/store/events/rows", test_events);
    g_test_add_func("/store/events/slices", test_events_in_slices);
    g_test_add_func("/store/events/ring", test_event_ring);
    return g_test_run();
}
