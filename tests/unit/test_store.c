/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

static void expect_claim(Store *store, int64_t now_us, const char *key)
{
    Record record = {.key = NULL};
    int64_t due_us;

    if (!claim(store, now_us, &record, &due_us))
        record.key = NULL;
    g_assert_cmpstr(record.key, ==, key);
}

/* The order is by priority, then by due time, then by arrival. */
static void test_queue_order(void)
{
    Fixture fixture;
    Store *store;

    fixture_init(&fixture, &small_limits);
    store = fixture.store;
    (void)seen_as(store, "backfill", version_of(1), PRIORITY_BACKFILL, T0);
    (void)seen_as(store, "scan", version_of(1), PRIORITY_SCAN, T0);
    (void)seen_as(store, "late", version_of(1), PRIORITY_UPLOAD, T0 + 2);
    (void)seen_as(store, "z first", version_of(1), PRIORITY_UPLOAD, T0 + 1);
    (void)seen_as(store, "a second", version_of(1), PRIORITY_UPLOAD, T0 + 1);
    commit(store);
    expect_claim(store, T0 + 1, "z first");
    expect_claim(store, T0 + 1, "a second");
    /* The upload is not due yet. */
    expect_claim(store, T0 + 1, "scan");
    expect_claim(store, T0 + 2, "late");
    expect_claim(store, T0 + 2, "backfill");
    expect_claim(store, T0 + 2, NULL);
    fixture_clear(&fixture);
}

static void test_next_due(void)
{
    Fixture fixture;
    Record record;
    int64_t due_us = 0;

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0 + 7);
    (void)seen_as(fixture.store, "b", version_of(1), PRIORITY_BACKFILL, T0 + 5);
    g_assert_false(claim(fixture.store, T0, &record, &due_us));
    g_assert_cmpint(due_us, ==, T0 + 5);
    fixture_clear(&fixture);
}

static void test_attempts_are_kept(void)
{
    Fixture fixture;
    Record record;
    int64_t due_us;

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    for (int i = 1; i <= 6; i++) {
        int64_t now_us = T0 + i * 100 * SECOND;
        StoreOutcome outcome = outcome_of(STATE_PENDING, version_of(1), now_us);
        outcome.due_us = now_us;
        outcome.error = ERROR_TIMEOUT;
        outcome.attempt.duration_us = i;
        g_strlcpy(outcome.message, "took too long", sizeof outcome.message);
        g_assert_true(claim(fixture.store, now_us, &record, &due_us));
        g_assert_true(finish(fixture.store, "a", &outcome, &record));
    }
    g_assert_cmpint(record.attempts, ==, 6);
    g_assert_cmpstr(record.message, ==, "took too long");
    g_assert_cmpint(record.duration_us, ==, 6);
    g_assert_cmpuint(record.n_log, ==, RECORD_ATTEMPTS_MAX);
    for (size_t i = 0; i < record.n_log; i++)
        g_assert_cmpint(record.log[i].duration_us, ==, 3 + (int)i);
    fixture_clear(&fixture);
}

static void test_times(void)
{
    Fixture fixture;
    Record record;
    int64_t due_us;

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    (void)claim(fixture.store, T0 + 1, &record, &due_us);
    StoreOutcome outcome = outcome_of(STATE_DONE, version_of(1), T0 + 2);
    (void)finish(fixture.store, "a", &outcome, &record);
    g_assert_cmpint(record.uploaded_us, ==, T0);
    g_assert_cmpint(record.processed_us, ==, T0 + 2);
    (void)seen_as(fixture.store, "a", version_of(2), PRIORITY_UPLOAD, T0 + 3);
    g_assert_true(peek(fixture.store, "a", &record));
    g_assert_cmpint(record.uploaded_us, ==, T0 + 3);
    g_assert_cmpint(record.processed_us, ==, 0);
    fixture_clear(&fixture);
}

/* An id stays with its object and is never used again, also after the store is opened again. */
static void test_ids(void)
{
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    g_assert_true(peek(fixture.store, "a", &record));
    uint64_t first = record.id;
    uint64_t sequencer = record.sequencer;
    (void)seen_as(fixture.store, "a", version_of(2), PRIORITY_UPLOAD, T0);
    g_assert_true(peek(fixture.store, "a", &record));
    g_assert_cmpuint(record.id, ==, first);
    g_assert_cmpuint(record.sequencer, >, sequencer);
    sequencer = record.sequencer;
    g_assert_true(remove_object(fixture.store, "a", T0));
    commit(fixture.store);

    store_close(fixture.store);
    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    g_assert_true(peek(fixture.store, "a", &record));
    g_assert_cmpuint(record.id, >, first);
    /* The removal had a sequencer, too. */
    g_assert_cmpuint(record.sequencer, >, sequencer + 1);
    fixture_clear(&fixture);
}

static char *long_key(char last, size_t len)
{
    char *key = g_strnfill(len, 'k');

    for (size_t i = 100; i < len - 1; i += 100)
        key[i] = '/';
    key[len - 1] = last;
    return key;
}

/* Keys of the lengths around each limit, in pairs that differ only in their last byte. */
static void test_long_keys(void)
{
    static const size_t lengths[] = {1, 477, 478, 479, 510, 511, 512, 513, 1000, 4094, 4095};
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &store_default_limits);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *a = long_key('a', lengths[i]);
        g_autofree char *b = long_key('b', lengths[i]);
        (void)seen_as(fixture.store, a, version_of(1), PRIORITY_UPLOAD, T0);
        (void)seen_as(fixture.store, b, version_of(2), PRIORITY_UPLOAD, T0);
    }
    commit(fixture.store);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *a = long_key('a', lengths[i]);
        g_autofree char *b = long_key('b', lengths[i]);
        g_assert_true(peek(fixture.store, a, &record));
        g_assert_cmpstr(record.key, ==, a);
        g_assert_cmpint(record.version.ctime_ns, ==, 1);
        g_assert_true(remove_object(fixture.store, a, T0));
        g_assert_false(peek(fixture.store, a, &record));
        g_assert_true(peek(fixture.store, b, &record));
        g_assert_cmpstr(record.key, ==, b);
        g_assert_cmpint(record.version.ctime_ns, ==, 2);
    }
    fixture_clear(&fixture);
}

static void test_bytes_in_keys(void)
{
    static const char *const keys[] = {"\xff\xfe", "a\xff/b", "caf\xe9.jpg", "caf\xc3\xa9.jpg",
                                       "\n",       "a b",     "%41"};
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &small_limits);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        (void)seen_as(fixture.store, keys[i], version_of((int)i), PRIORITY_UPLOAD, T0);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_assert_true(peek(fixture.store, keys[i], &record));
        g_assert_cmpstr(record.key, ==, keys[i]);
        g_assert_cmpint(record.version.ctime_ns, ==, (int)i);
    }
    fixture_clear(&fixture);
}

static void test_invalid_keys(void)
{
    g_autofree char *too_long = g_strnfill(OBJECT_KEY_MAX + 1, 'k');
    const char *const keys[] = {"", "/a", "a/", "a//b", "../a", too_long};
    ObjectVersion version = version_of(1);
    StoreOutcome outcome = outcome_of(STATE_DONE, version, T0);
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &small_limits);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(GError) error = NULL;
        StoreSeen seen;
        uint64_t id;
        bool moved;
        g_assert_false(
            store_seen(fixture.store, keys[i], &version, PRIORITY_UPLOAD, T0, &seen, &id, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        g_clear_error(&error);
        g_assert_false(
            store_move(fixture.store, "a", keys[i], &version, T0, &moved, &record, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        g_assert_false(peek(fixture.store, keys[i], &record));
        g_assert_false(remove_object(fixture.store, keys[i], T0));
        g_assert_false(requeue(fixture.store, keys[i], PRIORITY_SCAN, T0));
        g_assert_false(finish(fixture.store, keys[i], &outcome, &record));
    }
    fixture_clear(&fixture);
}

/* A key that is borrowed from the store may be passed to it again. */
static void test_borrowed_keys(void)
{
    Fixture fixture;
    Record record;
    int64_t due_us;

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "folder/a", version_of(1), PRIORITY_UPLOAD, T0);
    commit(fixture.store);
    g_assert_true(peek(fixture.store, "folder/a", &record));
    g_assert_true(requeue(fixture.store, record.key, PRIORITY_SCAN, T0));
    g_assert_true(claim(fixture.store, T0, &record, &due_us));
    StoreOutcome outcome = outcome_of(STATE_DONE, record.version, T0);
    g_assert_true(finish(fixture.store, record.key, &outcome, &record));
    ObjectVersion moved = record.version;
    moved.ctime_ns++;
    g_assert_true(move_object(fixture.store, record.key, "b", moved, T0, &record));
    g_assert_true(remove_object(fixture.store, record.key, T0));
    g_assert_false(peek(fixture.store, "b", &record));
    fixture_clear(&fixture);
}

/* A walk in slices meets each record once, while other records come and go. */
static void test_peek_after(void)
{
    Fixture fixture;
    Record record;
    g_autofree char *after = NULL;
    g_autoptr(GError) error = NULL;
    int count = 0;

    fixture_init(&fixture, &small_limits);
    for (int i = 0; i < 50; i++) {
        g_autofree char *key = g_strdup_printf("k%02d", i);
        (void)seen_as(fixture.store, key, version_of(i), PRIORITY_UPLOAD, T0);
    }
    for (;; count++) {
        bool found;
        g_assert_true(store_peek_after(fixture.store, after, &found, &record, &error));
        if (!found)
            break;
        g_autofree char *expected = g_strdup_printf("k%02d", count);
        g_assert_cmpstr(record.key, ==, expected);
        g_free(after);
        after = g_strdup(record.key);
        g_assert_true(remove_object(fixture.store, after, T0));
        (void)seen_as(fixture.store, "a", version_of(count), PRIORITY_UPLOAD, T0);
    }
    g_assert_cmpint(count, ==, 50);
    fixture_clear(&fixture);
}

static void test_batch_size(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    g_assert_cmpuint(store_batch_size(fixture.store), ==, 0);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    g_assert_cmpuint(store_batch_size(fixture.store), ==, 1);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    g_assert_cmpuint(store_batch_size(fixture.store), ==, 1);
    commit(fixture.store);
    g_assert_cmpuint(store_batch_size(fixture.store), ==, 0);
    commit(fixture.store);
    store_abort(fixture.store);
    fixture_clear(&fixture);
}

static void test_full_batch_is_committed(void)
{
    Fixture fixture;
    Record record;

    fixture_init(&fixture, &small_limits);
    for (size_t i = 0; i <= small_limits.batch_max; i++) {
        g_autofree char *key = g_strdup_printf("%zu", i);
        (void)seen_as(fixture.store, key, version_of(1), PRIORITY_UPLOAD, T0);
        g_assert_cmpuint(store_batch_size(fixture.store), <=, small_limits.batch_max);
    }
    g_assert_cmpuint(store_batch_size(fixture.store), ==, 1);
    store_abort(fixture.store);
    g_assert_true(peek(fixture.store, "0", &record));
    g_assert_true(peek(fixture.store, "63", &record));
    g_assert_false(peek(fixture.store, "64", &record));
    fixture_clear(&fixture);
}

static bool count_group(const char *group, const ObjectTotals *totals, void *data)
{
    /* There is only one. */
    (void)group;
    *(uint64_t *)data = totals->objects;
    return true;
}

static uint64_t count_objects(Store *store)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    const StoreFilter everything = {0};
    uint64_t objects = 0;

    g_assert_true(store_totals(snapshot, &everything, STORE_BY_ALL, count_group, &objects, &error));
    return objects;
}

/* No reader sees a batch before its commit, and no change of an aborted batch stays. */
static void test_isolation(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    g_assert_cmpuint(count_objects(fixture.store), ==, 0);
    commit(fixture.store);
    g_assert_cmpuint(count_objects(fixture.store), ==, 1);
    (void)seen_as(fixture.store, "b", version_of(1), PRIORITY_UPLOAD, T0);
    store_abort(fixture.store);
    (void)seen_as(fixture.store, "c", version_of(1), PRIORITY_UPLOAD, T0);
    commit(fixture.store);
    g_assert_cmpuint(count_objects(fixture.store), ==, 2);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/queue/order", test_queue_order);
    g_test_add_func("/store/queue/next_due", test_next_due);
    g_test_add_func("/store/record/attempts", test_attempts_are_kept);
    g_test_add_func("/store/record/times", test_times);
    g_test_add_func("/store/record/ids", test_ids);
    g_test_add_func("/store/keys/long", test_long_keys);
    g_test_add_func("/store/keys/bytes", test_bytes_in_keys);
    g_test_add_func("/store/keys/invalid", test_invalid_keys);
    g_test_add_func("/store/keys/borrowed", test_borrowed_keys);
    g_test_add_func("/store/peek_after", test_peek_after);
    g_test_add_func("/store/batch/size", test_batch_size);
    g_test_add_func("/store/batch/full", test_full_batch_is_committed);
    g_test_add_func("/store/batch/isolation", test_isolation);
    return g_test_run();
}
