/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep removes old rows in slices. Compaction makes the file small, and keeps all other rows. */
#include "base/error.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS 3000

static bool upkeep(Store *store, int64_t now_us, bool dry_run, StoreUpkeep *total)
{
    g_autoptr(GError) error = NULL;
    bool more;

    bool ok = store_upkeep(store, now_us, dry_run, total, &more, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    commit(store);
    return more;
}

/* Adds events and minutes of a year ago, and a current event. */
static void fill_events(Store *store, int64_t now_us)
{
    for (int i = 0; i < RECORDS; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        (void)seen_as(store, key, version_of(1), PRIORITY_UPLOAD, now_us - 365 * DAY + i * SECOND);
    }
    (void)seen_as(store, "new", version_of(1), PRIORITY_UPLOAD, now_us);
    commit(store);
}

static void test_upkeep(void)
{
    const StoreRetention retention = {
        .events_max = 1000000, .events_us = 30 * DAY, .minutes_us = 15 * DAY, .hours_us = 0};
    const StoreRetention all = {.events_max = 1000000};
    Fixture fixture;
    StoreUpkeep dry = {0}, done = {0};
    int slices = 0;

    fixture_init(&fixture, &store_default_limits);
    store_set_retention(fixture.store, &all);
    fill_events(fixture.store, T0);
    store_set_retention(fixture.store, &retention);

    g_assert_false(upkeep(fixture.store, T0, true, &dry));
    g_assert_cmpuint(dry.events, ==, RECORDS);
    g_assert_cmpuint(dry.metrics, ==, RECORDS / 60);
    g_assert_cmpint(dry.file_bytes, >, 0);
    while (upkeep(fixture.store, T0, false, &done))
        slices++;
    g_assert_cmpuint(done.events, ==, dry.events);
    g_assert_cmpuint(done.metrics, ==, dry.metrics);
    g_assert_cmpint(slices, >, 1);

    dry = (StoreUpkeep){0};
    (void)upkeep(fixture.store, T0, true, &dry);
    g_assert_cmpuint(dry.events + dry.metrics, ==, 0);
    fixture_clear(&fixture);
}

static uint64_t count_objects(Store *store)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    Record record;
    uint64_t n = 0;

    for (int i = 0; i < RECORDS; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        n += store_get(snapshot, key, &record, NULL);
    }
    return n;
}

/* Makes a store and closes it. Half of its pages are free, and one record in a hundred is left. */
static void make_sparse(Fixture *fixture)
{
    fixture_init(fixture, &store_default_limits);
    fill_events(fixture->store, T0);
    for (int i = 0; i < RECORDS; i++) {
        g_autofree char *key = g_strdup_printf("%d", i);
        if (i % 100 != 0)
            (void)remove_object(fixture->store, key, T0);
    }
    commit(fixture->store);
    const StoreRetention none = {.events_max = 10};
    StoreUpkeep done = {0};
    store_set_retention(fixture->store, &none);
    while (upkeep(fixture->store, T0, false, &done))
        ;
    g_clear_pointer(&fixture->store, store_close);
}

static bool exists(const Fixture *fixture, const char *suffix)
{
    g_autofree char *path = g_strconcat(fixture->directory, suffix, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static StoreCompaction compact(const Fixture *fixture, int64_t min_free_bytes)
{
    g_autoptr(GError) error = NULL;
    StoreCompaction done;

    g_assert_true(store_compact(AT_FDCWD, fixture->directory, min_free_bytes, &done, &error));
    g_assert_no_error(error);
    g_assert_false(exists(fixture, ".compact"));
    return done;
}

static void test_compact(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;

    make_sparse(&fixture);
    g_assert_false(compact(&fixture, 0).is_due);
    g_assert_false(compact(&fixture, INT64_C(1) << 40).is_due);

    /* A reader of the old store can continue to read it. */
    Store *reader = open_store(fixture.directory, STORE_READ, &store_default_limits);
    StoreCompaction done = compact(&fixture, 1);
    g_assert_true(done.is_due);
    g_assert_cmpint(done.after_bytes, <, done.before_bytes / 2);
    g_assert_cmpuint(count_objects(reader), ==, RECORDS / 100);

    fixture.store = open_store(fixture.directory, STORE_WRITE, &store_default_limits);
    g_assert_true(store_check(fixture.directory, &error) || error == NULL);
    g_assert_no_error(error);
    g_assert_cmpuint(count_objects(fixture.store), ==, RECORDS / 100);
    (void)remove_object(fixture.store, "0", T0);
    (void)seen_as(fixture.store, "later", version_of(1), PRIORITY_UPLOAD, T0);
    commit(fixture.store);
    g_assert_cmpuint(count_objects(fixture.store), ==, RECORDS / 100 - 1);
    g_assert_cmpuint(count_objects(reader), ==, RECORDS / 100);
    store_close(reader);
    fixture_clear(&fixture);
}

/* Leftovers of an interrupted compaction do no harm. */
static void test_left_over(void)
{
    Fixture fixture;

    make_sparse(&fixture);
    g_autofree char *other = g_strconcat(fixture.directory, ".compact", NULL);
    g_autofree char *data = g_build_filename(other, "data.mdb", NULL);
    g_assert_cmpint(g_mkdir(other, 0755), ==, 0);
    g_assert_true(g_file_set_contents(data, "half a store", -1, NULL));
    g_assert_true(compact(&fixture, 1).is_due);
    fixture.store = open_store(fixture.directory, STORE_WRITE, &store_default_limits);
    g_assert_cmpuint(count_objects(fixture.store), ==, RECORDS / 100);
    fixture_clear(&fixture);
}

static void test_nothing_there(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;
    StoreCompaction done;

    fixture_init(&fixture, &store_default_limits);
    g_autofree char *missing = g_strconcat(fixture.directory, ".none", NULL);
    g_assert_false(store_compact(AT_FDCWD, missing, 1, &done, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/upkeep/slices", test_upkeep);
    g_test_add_func("/store/compact/sparse", test_compact);
    g_test_add_func("/store/compact/left_over", test_left_over);
    g_test_add_func("/store/compact/nothing_there", test_nothing_there);
    return g_test_run();
}
