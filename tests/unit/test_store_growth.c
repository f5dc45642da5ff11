/* SPDX-License-Identifier: Apache-2.0 */
/* The map and the file of a store grow, up to a full map and a full disk. */
#include "store_fixture.h"
#include "store_rows.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* The map grows from 1 MiB, and keeps its content. */
static void test_growth(void)
{
    g_autofree char *path = NULL;
    Fixture fixture;
    struct stat st;

    fixture_init(&fixture, &small_limits);
    add_objects(fixture.store, 0, 5000);
    path = data_path(&fixture);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_size, >, 8 << 20);
    g_assert_cmpuint(count_rows(fixture.store), ==, 5000);

    store_close(fixture.store);
    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    add_objects(fixture.store, 5000, 2000);
    g_assert_cmpuint(count_rows(fixture.store), ==, 7000);
    fixture_clear(&fixture);
}

static bool add_while_walking(const Record *record, void *data)
{
    static int next = 10000;

    /* The test does not use it. */
    (void)record;
    add_objects(data, next, 20);
    next += 20;
    return next < 13000;
}

/* The map also grows when a visitor writes. */
static void test_growth_while_walking(void)
{
    StoreLimits limits = small_limits;
    const StoreFilter everything = {0};
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    limits.headroom_bytes = 4 << 20;
    limits.map_bytes = 4 << 20;
    fixture_init(&fixture, &limits);
    add_objects(fixture.store, 0, 300);
    StoreSnapshot *snapshot = begin_snapshot(fixture.store);
    g_assert_true(store_query(snapshot, &everything, STORE_SORT_NAME, false, 0, add_while_walking,
                              fixture.store, &error));
    g_assert_no_error(error);
    store_snapshot_end(snapshot);
    g_assert_cmpuint(count_rows(fixture.store), ==, 3300);
    fixture_clear(&fixture);
}

/* Adds `n` objects with long keys to one batch. */
static bool gather(Store *store, int n, GError **error)
{
    g_autofree char *filler = g_strnfill(3000, 'n');

    for (int i = 0; i < n; i++) {
        g_autofree char *key = g_strdup_printf("%d/%s", i, filler);
        ObjectVersion version = version_of(i);
        StoreSeen seen;
        uint64_t id;
        if (!store_seen(store, key, &version, PRIORITY_UPLOAD, T0, &seen, &id, error))
            return false;
    }
    return true;
}

/* A batch that does not fit is lost. After a few of them the map has grown enough. */
static void test_full_map(void)
{
    const StoreLimits limits = {
        .map_bytes = 1 << 20,
        /* This is far too little for a batch of this size. */
        .headroom_bytes = 64 << 10,
        .batch_max = 100000,
        .events_max = 100,
        .renew_rows = 100,
        .selection_max = 1000,
    };
    Fixture fixture;
    int failures = 0;

    fixture_init(&fixture, &limits);
    for (;; failures++) {
        g_autoptr(GError) error = NULL;
        if (gather(fixture.store, 1000, &error))
            break;
        g_assert_error(error, THUMBQ_ERROR, ERROR_STORE);
        g_clear_error(&error);
        /* A failed batch can be neither extended nor committed. */
        g_assert_false(gather(fixture.store, 1, &error));
        g_clear_error(&error);
        g_assert_false(store_commit(fixture.store, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_STORE);
        g_assert_cmpuint(count_rows(fixture.store), ==, 0);
        g_assert_cmpint(failures, <, 10);
    }
    commit(fixture.store);
    g_assert_cmpint(failures, >, 0);
    g_assert_cmpuint(count_rows(fixture.store), ==, 1000);
    fixture_clear(&fixture);
}

/* A test's form of a full disk: a limit on the size of files, in the middle of a page. */
static void test_no_space(void)
{
    struct rlimit before, small = {.rlim_cur = (3 << 19) + 100};
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    add_objects(fixture.store, 0, 20);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    small.rlim_max = before.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);

    uint64_t committed = 20;
    for (int i = 0; i < 1000; i++, committed++) {
        g_autofree char *key = g_strnfill(3000, 'n');
        (void)g_snprintf(key, 3000, "%04d", i);
        key[4] = 'n';
        (void)seen_as(fixture.store, key, version_of(1), PRIORITY_UPLOAD, T0);
        if (!store_commit(fixture.store, &error))
            break;
    }
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    (void)signal(SIGXFSZ, handler);
    g_assert_error(error, THUMBQ_ERROR, ERROR_NO_SPACE);
    g_assert_cmpuint(committed, >, 20);
    g_assert_cmpuint(count_rows(fixture.store), ==, committed);

    /* The store continues when there is space again. */
    add_objects(fixture.store, 20, 200);
    g_assert_cmpuint(count_rows(fixture.store), ==, committed + 200);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/growth/writing", test_growth);
    g_test_add_func("/store/growth/walking", test_growth_while_walking);
    g_test_add_func("/store/growth/full_map", test_full_map);
    g_test_add_func("/store/no_space", test_no_space);
    return g_test_run();
}
