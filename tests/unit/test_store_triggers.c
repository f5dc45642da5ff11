/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors and deliveries of triggers, and the events that wait for them. */
#include "store/epoch.h"
#include "store/store_filling.h"
#include "store/store_triggers.h"
#include "store_fixture.h"

static void put_trigger(Store *store, const char *name, uint64_t cursor)
{
    const TriggerState state = {.cursor = cursor, .generation = 3, .is_paused = cursor % 2};
    g_autoptr(GError) error = NULL;

    g_assert_true(store_put_trigger(store, name, &state, &error));
    g_assert_no_error(error);
}

static uint64_t put_delivery(Store *store, const char *trigger, DeliveryState state,
                             const char *input)
{
    Delivery delivery = {.state = state,
                         .attempts = 2,
                         .generation = 4,
                         .time_us = T0,
                         .due_us = T0 + 60 * SECOND,
                         .first = 10,
                         .last = 12,
                         .n_events = 3,
                         .error = "exit status 3",
                         .input = input};
    g_autoptr(GError) error = NULL;

    g_assert_true(store_put_delivery(store, trigger, &delivery, &error));
    g_assert_no_error(error);
    return delivery.id;
}

static bool add_state(const char *name, const TriggerState *state, void *data)
{
    g_string_append_printf(data, "%s %d %d %d; ", name, (int)state->cursor, (int)state->generation,
                           state->is_paused);
    return true;
}

static bool add_delivery(const char *trigger, const Delivery *delivery, void *data)
{
    g_string_append_printf(data, "%s %d %s %.10s; ", trigger, (int)delivery->state, delivery->error,
                           delivery->input);
    return true;
}

static char *states_of(Store *store)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(store_triggers(snapshot, add_state, text, &error));
    g_assert_no_error(error);
    return g_strdup(text->str);
}

static char *deliveries_of(Store *store, const char *trigger)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(store_deliveries(snapshot, trigger, 0, add_delivery, text, &error));
    g_assert_no_error(error);
    return g_strdup(text->str);
}

static void expect_states(Store *store, const char *expected)
{
    g_autofree char *text = states_of(store);
    expect_text(text, expected, "states");
}

static void expect_deliveries(Store *store, const char *trigger, const char *expected)
{
    g_autofree char *text = deliveries_of(store, trigger);
    expect_text(text, expected, trigger ? trigger : "all");
}

/* Edits all dead letters, in slices. Returns their number. */
static uint64_t edit_all(Store *store, const char *trigger, bool drops)
{
    DeliveryEdit edit = {.trigger = trigger, .drops = drops, .now_us = T0};
    g_autoptr(GError) error = NULL;

    while (!edit.has_ended) {
        size_t before = store_batch_size(store);
        g_assert_true(store_edit_deliveries(store, &edit, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(store_batch_size(store), <=, before + DELIVERY_EDITS_MAX);
        g_assert_cmpuint(store_batch_size(store), >=, before);
        /* The next slice may not commit by itself. */
        if (store_batch_size(store) + DELIVERY_EDITS_MAX > STORE_BATCH_MAX)
            commit(store);
    }
    return edit.changed;
}

/* Names that begin alike do not mix, and states and deliveries are found apart. */
static void test_rows(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;
    TriggerState state;
    Delivery delivery;
    bool found;

    fixture_init(&fixture, &small_limits);
    Store *store = fixture.store;
    expect_states(store, "");
    expect_deliveries(store, NULL, "");
    put_trigger(store, "index", 7);
    put_trigger(store, "index-2", 8);
    /* A trigger that is gone has left deliveries. */
    (void)put_delivery(store, "gone", DELIVERY_DEAD, "g\n");
    (void)put_delivery(store, "gone", DELIVERY_WAITING, "w\n");
    uint64_t id = put_delivery(store, "index", DELIVERY_WAITING, "a\nb\n");
    (void)put_delivery(store, "index", DELIVERY_RANGE, "");
    (void)put_delivery(store, "index-2", DELIVERY_DEAD, "c\n");
    commit(store);
    expect_states(store, "index 7 3 1; index-2 8 3 0; ");
    expect_deliveries(store, "index", "index 1 exit status 3 a\nb\n; index 3 exit status 3 ; ");
    expect_deliveries(
        store, NULL,
        "gone 2 exit status 3 g\n; gone 1 exit status 3 w\n; index 1 exit status 3 a\nb\n; "
        "index 3 exit status 3 ; index-2 2 exit status 3 c\n; ");
    {
        g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
        g_assert_true(store_get_trigger(snapshot, "index", &found, &state, &error) && found);
        g_assert_cmpuint(state.cursor, ==, 7);
        g_assert_true(store_get_trigger(snapshot, "inde", &found, &state, &error) && !found);
        g_assert_true(store_get_delivery(snapshot, "index", id, &found, &delivery, &error));
        g_assert_true(found);
        g_assert_cmpuint(delivery.attempts, ==, 2);
        g_assert_cmpuint(delivery.generation, ==, 4);
        g_assert_cmpint(delivery.time_us, ==, T0);
        g_assert_cmpint(delivery.due_us, ==, T0 + 60 * SECOND);
        g_assert_cmpuint(delivery.first, ==, 10);
        g_assert_cmpuint(delivery.last, ==, 12);
        g_assert_cmpuint(delivery.n_events, ==, 3);
        g_assert_cmpstr(delivery.input, ==, "a\nb\n");
    }
    {
        g_assert_true(store_peek_trigger(store, "index", &found, &state, &error) && found);
        g_assert_cmpuint(edit_all(store, "index-2", false), ==, 1);
        g_assert_cmpuint(edit_all(store, "", true), ==, 3);
        commit(store);
        expect_deliveries(store, NULL,
                          "index 1 exit status 3 a\nb\n; index-2 1 exit status 3 c\n; ");
        g_assert_cmpuint(edit_all(store, "index-2", true), ==, 0);
        /* The next checks find the range again. */
        (void)put_delivery(store, "index", DELIVERY_RANGE, "");
    }
    g_assert_true(store_remove_trigger(store, "index", &error));
    g_assert_true(store_remove_trigger(store, "never", &error));
    g_assert_true(store_remove_delivery(store, "index", id, &error));
    g_assert_true(store_remove_delivery(store, "index", id, &error));
    commit(store);
    expect_states(store, "index-2 8 3 0; ");
    expect_deliveries(store, "index", "index 3 exit status 3 ; ");
    fixture_clear(&fixture);
}

static bool count_states(const char *trigger, const Delivery *delivery, void *data)
{
    (void)trigger;
    ((int *)data)[delivery->state]++;
    return true;
}

/* Room for a batch as large as a daemon's. */
static const StoreLimits roomy_limits = {
    .map_bytes = 128 << 20,
    .headroom_bytes = 64 << 20,
    .batch_max = STORE_BATCH_MAX,
    .events_max = 200,
    .renew_rows = 7,
    .selection_max = 16,
};

/* Each letter is changed once, though it takes several slices; long ones count as more changes. */
static void test_slices(void)
{
    enum { LETTERS = 3 * DELIVERY_EDITS_MAX + 1, LONG = 40 };
    g_autofree char *input = g_strnfill(1 << 19, 'x');
    int n[DELIVERY_RANGE + 1] = {0};
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    fixture_init(&fixture, &roomy_limits);
    Store *store = fixture.store;
    put_trigger(store, "a", 7);
    put_trigger(store, "b", 7);
    for (int i = 0; i < LETTERS; i++)
        (void)put_delivery(store, i % 3 ? "a" : "b", DELIVERY_DEAD, "a\n");
    for (int i = 0; i < LONG; i++)
        (void)put_delivery(store, "b", DELIVERY_DEAD, input);
    commit(store);
    g_assert_cmpuint(edit_all(store, "", false), ==, LETTERS + LONG);
    g_assert_cmpuint(edit_all(store, "", false), ==, 0);
    commit(store);
    {
        g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
        g_assert_true(store_deliveries(snapshot, NULL, 0, count_states, n, &error));
    }
    g_assert_cmpint(n[DELIVERY_WAITING], ==, LETTERS + LONG);
    g_assert_true(store_remove_trigger(store, "a", &error));
    g_assert_true(store_remove_trigger(store, "b", &error));
    g_assert_cmpuint(edit_all(store, "", true), ==, LETTERS + LONG);
    commit(store);
    expect_deliveries(store, NULL, "");
    fixture_clear(&fixture);
}

static bool count_event(const Event *event, void *data)
{
    (void)event;
    ++*(int *)data;
    return true;
}

static int count_events(Store *store)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    int n = 0;

    g_assert_true(store_events(snapshot, 0, 0, 0, count_event, &n, &error));
    return n;
}

static void put_events(Store *store, int n)
{
    static int number;

    for (int i = 0; i < n; i++) {
        (void)seen_as(store, "a", version_of(++number), PRIORITY_UPLOAD, T0);
        if (i % 50 == 0)
            commit(store);
    }
    commit(store);
}

/* The log keeps the events that a cursor has not passed, and drops them when it has. */
static void test_retention(void)
{
    const StoreRetention by_age = {.events_max = 100000, .events_us = SECOND};
    int max = (int)small_limits.events_max;
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    Store *store = fixture.store;
    put_events(store, max * 2);
    g_assert_cmpint(count_events(store), ==, max);
    put_trigger(store, "slow", store_last_sequencer(store));
    put_events(store, max * 2);
    put_trigger(store, "fast", store_last_sequencer(store));
    g_assert_cmpint(count_events(store), ==, max * 2);
    /* All are older than their time. */
    store_set_retention(store, &by_age);
    (void)seen_as(store, "b", version_of(1), PRIORITY_UPLOAD, T0 + 10 * SECOND);
    commit(store);
    g_assert_cmpint(count_events(store), ==, max * 2 + 1);
    g_assert_true(store_remove_trigger(store, "slow", &error));
    (void)seen_as(store, "b", version_of(2), PRIORITY_UPLOAD, T0 + 10 * SECOND);
    commit(store);
    g_assert_cmpint(count_events(store), ==, 2);
    fixture_clear(&fixture);
}

static bool add_old(const Event *event, void *data)
{
    g_string_append_printf(data, "%s %s%s; ", event_type_name(event->type), event->key,
                           event->is_old ? " old" : "");
    return true;
}

static void handle_next(Store *store, ObjectState state)
{
    int64_t due_us;
    Record record;

    g_assert_true(claim(store, T0 + SECOND, &record, &due_us));
    g_autofree char *key = g_strdup(record.key);
    StoreOutcome outcome = outcome_of(state, record.version, T0 + SECOND);
    g_assert_true(finish(store, key, &outcome, &record));
}

/* Objects that the first scan of a new store finds are old until their first outcome. */
static void test_first_scan(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    ObjectVersion moved = version_of(1);
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &small_limits);
    Store *store = fixture.store;
    g_assert_true(store_make_epoch(store, &error));
    /* Sequencers of another store are larger than those of the last one. */
    g_assert_cmpint((int64_t)store_last_sequencer(store), >, T0);
    (void)seen_as(store, "found", version_of(1), PRIORITY_SCAN, T0);
    (void)seen_as(store, "put", version_of(1), PRIORITY_UPLOAD, T0);
    commit(store);
    /* A daemon that ended before the end of its scan scans once more. */
    store_close(store);
    store = fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    g_assert_true(store_make_epoch(store, &error));
    (void)seen_as(store, "found-2", version_of(1), PRIORITY_SCAN, T0);
    g_assert_true(store_end_filling(store, &error));
    (void)seen_as(store, "later", version_of(1), PRIORITY_SCAN, T0);
    for (int i = 0; i < 4; i++)
        handle_next(store, STATE_DONE);
    moved.ctime_ns++;
    g_assert_true(move_object(store, "found", "moved", moved, T0, &record));
    (void)seen_as(store, "found-2", version_of(2), PRIORITY_UPLOAD, T0 + SECOND);
    handle_next(store, STATE_DONE);
    commit(store);
    {
        g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
        g_assert_true(store_events(snapshot, 0, 0, 0, add_old, text, &error));
    }
    g_assert_no_error(error);
    g_assert_cmpstr(text->str, ==,
                    "created found old; created put; created found-2 old; created later; "
                    "done put; done found old; done found-2 old; done later; "
                    "removed found; moved moved; created found-2; done found-2; ");
    fixture_clear(&fixture);
}

/* Returns a version with the time of `clock`: the kernel takes the times of files from
 * CLOCK_REALTIME_COARSE or, for a second change within a tick, from CLOCK_REALTIME. */
static ObjectVersion uploaded_now(clockid_t clock)
{
    ObjectVersion version = version_of(1);
    struct timespec now;

    clock_gettime(clock, &now);
    version.ctime_ns = (int64_t)now.tv_sec * 1000 * 1000 * 1000 + now.tv_nsec;
    return version;
}

/* An upload during the first scan is no old object, also if the scan finds it first. */
static void test_upload_during_scan(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    ObjectVersion before = uploaded_now(CLOCK_REALTIME_COARSE), later;
    Fixture fixture;

    before.ctime_ns--;
    fixture_init(&fixture, &small_limits);
    Store *store = fixture.store;
    g_assert_true(store_make_epoch(store, &error));
    (void)seen_as(store, "before", before, PRIORITY_SCAN, T0);
    (void)seen_as(store, "during", uploaded_now(CLOCK_REALTIME_COARSE), PRIORITY_SCAN, T0);
    commit(store);
    store_close(store);
    store = fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    g_assert_true(store_make_epoch(store, &error));
    (void)seen_as(store, "before-2", before, PRIORITY_SCAN, T0);
    (void)seen_as(store, "during-2", uploaded_now(CLOCK_REALTIME), PRIORITY_SCAN, T0);
    /* A time that has not come yet is by another clock. */
    later = uploaded_now(CLOCK_REALTIME);
    later.ctime_ns += INT64_C(3600) * 1000 * 1000 * 1000;
    (void)seen_as(store, "later", later, PRIORITY_SCAN, T0);
    commit(store);
    {
        g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
        g_assert_true(store_events(snapshot, 0, 0, 0, add_old, text, &error));
    }
    g_assert_no_error(error);
    g_assert_cmpstr(text->str, ==,
                    "created before old; created during; created before-2 old; "
                    "created during-2; created later old; ");
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/triggers/rows", test_rows);
    g_test_add_func("/store/triggers/slices", test_slices);
    g_test_add_func("/store/triggers/retention", test_retention);
    g_test_add_func("/store/triggers/first-scan", test_first_scan);
    g_test_add_func("/store/triggers/upload-during-scan", test_upload_during_scan);
    return g_test_run();
}
