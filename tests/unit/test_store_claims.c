/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that are claimed from the queue. They are running for the writer at once and for readers
 * after the commit. The running state is written only if they are still running at the commit. */
#include "store_fixture.h"

static void add(Store *store, const char *key, int n, Priority priority)
{
    g_assert_cmpint(seen_as(store, key, version_of(n), priority, T0 + n), ==, STORE_QUEUED);
}

static Record claim_next(Store *store)
{
    Record record;
    int64_t due_us;

    g_assert_true(claim(store, T0 + DAY, &record, &due_us));
    g_assert_cmpint(record.state, ==, STATE_RUNNING);
    return record;
}

static void assert_nothing_due(Store *store)
{
    Record record;
    int64_t due_us = 0;

    g_assert_false(claim(store, T0 + DAY, &record, &due_us));
    g_assert_cmpint(due_us, ==, INT64_MAX);
}

static ObjectState committed_state(Store *store, const char *key)
{
    StoreSnapshot *snapshot = begin_snapshot(store);
    Record record;

    g_assert_true(store_get(snapshot, key, &record, NULL));
    ObjectState state = record.state;
    store_snapshot_end(snapshot);
    return state;
}

/* Asserts that all derived tables agree with the records. */
static void assert_sound(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;

    commit(fixture->store);
    store_close(fixture->store);
    bool sound = store_check(fixture->directory, &error);
    g_assert_no_error(error);
    g_assert_true(sound);
    fixture->store = open_store(fixture->directory, STORE_WRITE, &store_default_limits);
}

static void test_order(void)
{
    Fixture fixture;

    fixture_init(&fixture, &store_default_limits);
    add(fixture.store, "old", 1, PRIORITY_SCAN);
    add(fixture.store, "a", 2, PRIORITY_UPLOAD);
    add(fixture.store, "b", 3, PRIORITY_UPLOAD);
    g_assert_cmpstr(claim_next(fixture.store).key, ==, "a");
    /* This object comes before the claimed one in the queue. */
    add(fixture.store, "c", 0, PRIORITY_UPLOAD);
    g_assert_cmpstr(claim_next(fixture.store).key, ==, "c");
    commit(fixture.store);
    g_assert_cmpstr(claim_next(fixture.store).key, ==, "b");
    g_assert_cmpstr(claim_next(fixture.store).key, ==, "old");
    assert_nothing_due(fixture.store);
    assert_sound(&fixture);
    fixture_clear(&fixture);
}

/* Of the objects that a scan finds, those of the newest day come first, whenever they were found.
 * Within a day, the order is that of the scan. Failed objects wait. */
static void test_newest_first(void)
{
    static const struct {
        const char *key;
        int64_t mtime_us;
    } files[] = {{"1930", -T0 / 2},
                 {"last year", T0 - 365 * DAY},
                 {"to come", T0 + 900 * DAY},
                 {"morning", T0 / DAY * DAY + 1},
                 {"1970", 0},
                 {"evening", T0 / DAY * DAY + DAY - 1},
                 {"yesterday", T0 / DAY * DAY - 1}};
    StoreOutcome outcome = outcome_of(STATE_PENDING, version_of(0), T0 + 10);
    Fixture fixture;
    Record record;
    int64_t due_us;

    fixture_init(&fixture, &store_default_limits);
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        ObjectVersion version = version_of((int)i);
        version.mtime_ns = files[i].mtime_us * 1000;
        (void)seen_as(fixture.store, files[i].key, version, PRIORITY_SCAN, T0 + (int64_t)i);
    }
    g_assert_true(claim(fixture.store, T0 + 10, &record, &due_us));
    g_assert_cmpstr(record.key, ==, "to come");
    g_assert_cmpint(record_due_us(&record), ==, T0 + 2);
    outcome.version = record.version;
    outcome.error = ERROR_TIMEOUT;
    outcome.counts = true;
    outcome.due_us = T0 + 60 * SECOND;
    g_assert_true(finish(fixture.store, "to come", &outcome, &record));
    g_assert_cmpint(record_due_us(&record), ==, T0 + 60 * SECOND);
    commit(fixture.store);
    static const char *const rest[] = {"morning",   "evening", "yesterday",
                                       "last year", "1930",    "1970"};
    for (size_t i = 0; i < G_N_ELEMENTS(rest); i++) {
        g_assert_true(claim(fixture.store, T0 + 10, &record, &due_us));
        g_assert_cmpstr(record.key, ==, rest[i]);
    }
    g_assert_false(claim(fixture.store, T0 + 10, &record, &due_us));
    g_assert_cmpint(due_us, ==, T0 + 60 * SECOND);
    g_assert_true(claim(fixture.store, T0 + 60 * SECOND, &record, &due_us));
    assert_sound(&fixture);
    fixture_clear(&fixture);
}

/* The commit writes the running state, and nothing before it does. */
static void test_commit(void)
{
    Fixture fixture;

    fixture_init(&fixture, &store_default_limits);
    add(fixture.store, "a", 1, PRIORITY_UPLOAD);
    commit(fixture.store);
    (void)claim_next(fixture.store);
    g_assert_cmpuint(store_batch_size(fixture.store), ==, 1);
    g_assert_cmpint(committed_state(fixture.store, "a"), ==, STATE_PENDING);
    commit(fixture.store);
    g_assert_cmpuint(store_batch_size(fixture.store), ==, 0);
    g_assert_cmpint(committed_state(fixture.store, "a"), ==, STATE_RUNNING);
    assert_nothing_due(fixture.store);
    assert_sound(&fixture);
    fixture_clear(&fixture);
}

/* store_peek shows the running state. */
static void test_peek(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    Record record;
    bool found;

    fixture_init(&fixture, &store_default_limits);
    add(fixture.store, "a", 1, PRIORITY_UPLOAD);
    add(fixture.store, "b", 2, PRIORITY_UPLOAD);
    (void)claim_next(fixture.store);
    g_assert_true(store_peek_after(fixture.store, NULL, &found, &record, &error));
    g_assert_cmpstr(record.key, ==, "a");
    g_assert_cmpint(record.state, ==, STATE_RUNNING);
    g_assert_true(peek(fixture.store, "a", &record));
    g_assert_cmpint(record.state, ==, STATE_RUNNING);
    g_assert_true(peek(fixture.store, "b", &record));
    g_assert_cmpint(record.state, ==, STATE_PENDING);
    assert_sound(&fixture);
    fixture_clear(&fixture);
}

/* The objects end before the commit, and after it. */
static void test_finish(void)
{
    static const ObjectState states[] = {STATE_DONE, STATE_SKIPPED, STATE_DEAD, STATE_PENDING};

    for (size_t i = 0; i < 2 * G_N_ELEMENTS(states); i++) {
        ObjectState state = states[i / 2];
        StoreOutcome outcome = outcome_of(state, version_of(1), T0 + SECOND);
        Fixture fixture;
        Record record;

        fixture_init(&fixture, &store_default_limits);
        add(fixture.store, "a", 1, PRIORITY_UPLOAD);
        (void)claim_next(fixture.store);
        if (i % 2)
            commit(fixture.store);
        outcome.due_us = T0 + 2 * DAY;
        g_assert_true(finish(fixture.store, "a", &outcome, &record));
        g_assert_cmpint(record.state, ==, state);
        g_assert_cmpint(record.attempts, ==, 1);
        commit(fixture.store);
        g_assert_cmpint(committed_state(fixture.store, "a"), ==, state);
        assert_sound(&fixture);
        fixture_clear(&fixture);
    }
}

/* An object that failed and is due waits for later uploads. An object that was only delayed does
 * not wait. */
static void test_retries_wait_for_uploads(void)
{
    for (int counts = 0; counts <= 1; counts++) {
        StoreOutcome outcome = outcome_of(STATE_PENDING, version_of(1), T0 + 3);
        Fixture fixture;
        Record record;

        fixture_init(&fixture, &store_default_limits);
        add(fixture.store, "retry", 1, PRIORITY_UPLOAD);
        add(fixture.store, "back-fill", 2, PRIORITY_BACKFILL);
        (void)claim_next(fixture.store);
        outcome.counts = counts;
        outcome.error = ERROR_TIMEOUT;
        outcome.due_us = T0 + 4;
        g_assert_true(finish(fixture.store, "retry", &outcome, &record));
        add(fixture.store, "new", 5, PRIORITY_UPLOAD);
        g_assert_cmpstr(claim_next(fixture.store).key, ==, counts ? "new" : "retry");
        g_assert_cmpstr(claim_next(fixture.store).key, ==, counts ? "retry" : "new");
        g_assert_cmpstr(claim_next(fixture.store).key, ==, "back-fill");
        assert_sound(&fixture);
        fixture_clear(&fixture);
    }
}

/* Other changes of an object that is being handled. */
static void test_meanwhile(void)
{
    StoreOutcome outcome = outcome_of(STATE_DONE, version_of(1), T0 + SECOND);
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &store_default_limits);
    add(fixture.store, "changed", 1, PRIORITY_UPLOAD);
    add(fixture.store, "removed", 2, PRIORITY_UPLOAD);
    (void)claim_next(fixture.store);
    (void)claim_next(fixture.store);
    (void)seen_as(fixture.store, "changed", version_of(7), PRIORITY_UPLOAD, T0 + 9);
    /* There is one invocation at a time. */
    assert_nothing_due(fixture.store);
    g_assert_true(remove_object(fixture.store, "removed", T0 + 9));
    g_assert_false(finish(fixture.store, "removed", &outcome, &record));
    g_assert_true(finish(fixture.store, "changed", &outcome, &record));
    g_assert_cmpint(record.state, ==, STATE_PENDING);
    g_assert_cmpstr(claim_next(fixture.store).key, ==, "changed");
    assert_sound(&fixture);
    fixture_clear(&fixture);
}

/* A released claim leaves everything as it was, whether it was written or not. */
static void test_unclaim(void)
{
    for (int committed = 0; committed <= 1; committed++) {
        Fixture fixture;

        fixture_init(&fixture, &store_default_limits);
        add(fixture.store, "a", 1, PRIORITY_UPLOAD);
        add(fixture.store, "b", 2, PRIORITY_UPLOAD);
        uint64_t id = claim_next(fixture.store).id;
        if (committed)
            commit(fixture.store);
        /* The id is that of another object. */
        g_assert_true(store_release_claim(fixture.store, "a", id + 100, NULL));
        g_assert_cmpstr(claim_next(fixture.store).key, ==, "b");
        g_assert_true(store_release_claim(fixture.store, "a", id, NULL));
        g_assert_true(store_release_claim(fixture.store, "a", id, NULL));
        g_assert_true(store_release_claim(fixture.store, "never-there", id, NULL));

        Record record = claim_next(fixture.store);
        g_assert_cmpstr(record.key, ==, "a");
        g_assert_cmpint(record.attempts, ==, 0);
        assert_nothing_due(fixture.store);
        assert_sound(&fixture);
        fixture_clear(&fixture);
    }
}

/* An aborted batch also aborts its claims. */
static void test_abort(void)
{
    Fixture fixture;

    fixture_init(&fixture, &store_default_limits);
    add(fixture.store, "a", 1, PRIORITY_UPLOAD);
    commit(fixture.store);
    (void)claim_next(fixture.store);
    store_abort(fixture.store);
    g_assert_cmpuint(store_batch_size(fixture.store), ==, 0);
    g_assert_cmpstr(claim_next(fixture.store).key, ==, "a");
    assert_sound(&fixture);
    fixture_clear(&fixture);
}

/* There are more claims than fit into a batch that is nearly full: it is committed before there are
 * too many. */
static void test_full_batch(void)
{
    Fixture fixture;
    char key[16];

    fixture_init(&fixture, &small_limits);
    for (int i = 0; i < 200; i++) {
        g_snprintf(key, sizeof key, "%03d", i);
        add(fixture.store, key, i, PRIORITY_UPLOAD);
        if (i % 3 == 0)
            (void)claim_next(fixture.store);
        g_assert_cmpuint(store_batch_size(fixture.store), <=, small_limits.batch_max + 1);
    }
    assert_sound(&fixture);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/claims/order", test_order);
    g_test_add_func("/store/claims/newest-first", test_newest_first);
    g_test_add_func("/store/claims/commit", test_commit);
    g_test_add_func("/store/claims/peek", test_peek);
    g_test_add_func("/store/claims/finish", test_finish);
    g_test_add_func("/store/claims/retries-wait-for-uploads", test_retries_wait_for_uploads);
    g_test_add_func("/store/claims/meanwhile", test_meanwhile);
    g_test_add_func("/store/claims/unclaim", test_unclaim);
    g_test_add_func("/store/claims/abort", test_abort);
    g_test_add_func("/store/claims/full-batch", test_full_batch);
    return g_test_run();
}
