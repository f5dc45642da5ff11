/* SPDX-License-Identifier: Apache-2.0 */
/* The log of events: its rows, its slices, and its length. */
#include "store_fixture.h"

typedef struct {
    GString *text;
    uint64_t last;
    int count;
} Log;

static bool log_event(const Event *event, void *data)
{
    Log *log = data;

    g_assert_cmpuint(event->sequencer, >, log->last);
    log->last = event->sequencer;
    log->count++;
    if (log->text)
        g_string_append_printf(log->text, "%s %s %s %d; ", event_type_name(event->type), event->key,
                               error_name(event->error), (int)((event->time_us - T0) / SECOND));
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

/* Each event of an object has its row, and there are no other rows. */
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
    /* This is object b. */
    (void)claim(store, T0 + 7 * SECOND, &record, &due_us);
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
                    "removed a none 9; moved c none 9; removed c none 10; ");
    (void)read_events(store, 0, id, 0, one);
    g_assert_cmpstr(one->str, ==,
                    "created a none 1; created a none 4; retry a source_changed 5; "
                    "dead a damaged 7; skipped a not_an_image 8; removed a none 9; "
                    "moved c none 9; removed c none 10; ");
    g_assert_cmpint(read_events(store, 0, id + 100, 0, NULL).count, ==, 0);
    g_assert_cmpint(read_events(store, UINT64_MAX, 0, 0, NULL).count, ==, 0);
    fixture_clear(&fixture);
}

/* An outcome of `state` for a picture whose bytes have this hash. */
static StoreOutcome outcome_with(ObjectState state, ObjectVersion version, uint64_t hash,
                                 int64_t now_us)
{
    StoreOutcome outcome = outcome_of(state, version, now_us);

    outcome.has_facts = hash != 0;
    outcome.facts.type = IMAGE_PNG;
    outcome.facts.etag[0] = hash;
    return outcome;
}

/* Sees a version, and ends its invocation. */
static void handle(Store *store, ObjectVersion version, ObjectState state, uint64_t hash,
                   int64_t now_us)
{
    StoreOutcome outcome = outcome_with(state, version, hash, now_us);
    int64_t due_us;
    Record record;

    if (state == STATE_DEAD)
        outcome.error = ERROR_ACCESS_DENIED;
    if (state == STATE_SKIPPED)
        outcome.error = ERROR_NOT_AN_IMAGE;
    g_assert_cmpint(seen_as(store, "a", version, PRIORITY_UPLOAD, now_us), ==, STORE_QUEUED);
    g_assert_true(claim(store, now_us, &record, &due_us));
    g_assert_true(finish(store, "a", &outcome, &record));
    g_assert_cmpint(record.state, ==, state);
    g_assert_true(object_version_equal(&record.version, &version));
}

/* The steps of a test of the owner or mode: versions that differ in ctime alone. */
typedef struct {
    const char *name;
    struct {
        ObjectState state;
        /* Hash of the picture's bytes; 0: the worker reports that they are unchanged. */
        uint64_t hash;
    } steps[3];
    const char *events;
} ModeCase;

static const ModeCase mode_cases[] = {
    {"same-bytes", {{STATE_DONE, 7}, {STATE_DONE, 7}, {STATE_DONE, 0}}, "created a; done a; "},
    {"other-bytes",
     {{STATE_DONE, 7}, {STATE_DONE, 8}, {STATE_DONE, 0}},
     "created a; done a; created a; done a; "},
    {"readable-again",
     {{STATE_DEAD, 0}, {STATE_DONE, 7}, {STATE_DONE, 7}},
     "created a; dead a; done a; "},
    {"unreadable",
     {{STATE_DONE, 7}, {STATE_DEAD, 0}, {STATE_DONE, 7}},
     "created a; done a; dead a; done a; "},
    {"no-picture",
     {{STATE_SKIPPED, 0}, {STATE_SKIPPED, 0}, {STATE_SKIPPED, 0}},
     "created a; skipped a; "},
};

static bool name_event(const Event *event, void *data)
{
    g_string_append_printf(data, "%s %s; ", event_type_name(event->type), event->key);
    return true;
}

/* A change of owner or mode alone is no event; other bytes behind it are. */
static void test_owner_or_mode(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(mode_cases); i++) {
        const ModeCase *test = &mode_cases[i];
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        ObjectVersion version = version_of(1);
        Fixture fixture;

        g_test_message("%s", test->name);
        fixture_init(&fixture, &small_limits);
        for (size_t step = 0; step < G_N_ELEMENTS(test->steps); step++) {
            version.ctime_ns++;
            handle(fixture.store, version, test->steps[step].state, test->steps[step].hash,
                   T0 + (int64_t)step * SECOND);
            commit(fixture.store);
        }
        {
            g_autoptr(StoreSnapshot) snapshot = begin_snapshot(fixture.store);
            g_assert_true(store_events(snapshot, 0, 0, 0, name_event, text, &error));
        }
        g_assert_cmpstr(text->str, ==, test->events);
        fixture_clear(&fixture);
    }
}

/* A picture whose mode is changed before it is handled was created once, and is done once. */
static void test_mode_of_a_new_upload(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    ObjectVersion version = version_of(1);
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "a", version, PRIORITY_UPLOAD, T0);
    version.ctime_ns++;
    handle(fixture.store, version, STATE_DONE, 7, T0 + SECOND);
    commit(fixture.store);
    {
        g_autoptr(StoreSnapshot) snapshot = begin_snapshot(fixture.store);
        g_assert_true(store_events(snapshot, 0, 0, 0, name_event, text, &error));
    }
    g_assert_cmpstr(text->str, ==, "created a; done a; ");
    fixture_clear(&fixture);
}

/* The events are read in slices, and each slice continues after the one before. */
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

/* The log keeps its newest rows, and the index by object has none of the removed ones. */
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
    g_test_add_func("/store/events/rows", test_events);
    g_test_add_func("/store/events/owner-or-mode", test_owner_or_mode);
    g_test_add_func("/store/events/mode-of-a-new-upload", test_mode_of_a_new_upload);
    g_test_add_func("/store/events/slices", test_events_in_slices);
    g_test_add_func("/store/events/ring", test_event_ring);
    return g_test_run();
}
