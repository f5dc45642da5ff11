/* How a store is: its size, what of it is free, and readers that have gone without a word. */
#include "store_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static StoreHealth look(const char *directory)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) store = open_store(directory, STORE_READ, &small_limits);
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(store, &error);
    StoreHealth health;

    g_assert_no_error(error);
    g_assert_true(store_health(snapshot, &health, &error));
    g_assert_no_error(error);
    return health;
}

static void fill(Store *store, int n)
{
    for (int i = 0; i < n; i++) {
        g_autofree char *key = g_strdup_printf("folder/%04d.png", i);
        (void)seen_as(store, key, version_of(i + 1), PRIORITY_UPLOAD, T0);
    }
    commit(store);
}

static void empty(Store *store, int n)
{
    for (int i = 0; i < n; i++) {
        g_autofree char *key = g_strdup_printf("folder/%04d.png", i);
        g_autoptr(GError) error = NULL;
        Record record;
        bool found;
        g_assert_true(store_remove(store, key, T0, &found, &record, &error));
        g_assert_no_error(error);
        g_assert_true(found);
    }
    commit(store);
}

static void test_size(void)
{
    Fixture fixture;
    struct stat st;

    fixture_init(&fixture, &small_limits);
    fill(fixture.store, 1000);
    g_clear_pointer(&fixture.store, store_close);
    StoreHealth full = look(fixture.directory);
    g_autofree char *path = g_build_filename(fixture.directory, "data.mdb", NULL);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(full.file_bytes, >, 100000);
    g_assert_cmpint(full.file_bytes, <=, st.st_size);
    g_assert_cmpuint(full.readers, ==, 0);
    g_assert_cmpuint(full.stale_readers, ==, 0);

    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    empty(fixture.store, 1000);
    g_clear_pointer(&fixture.store, store_close);
    StoreHealth emptied = look(fixture.directory);
    g_assert_cmpint(emptied.free_bytes, >, full.free_bytes + full.file_bytes / 4);
    g_assert_cmpint(emptied.free_bytes, <, emptied.file_bytes);
    fixture_clear(&fixture);
}

/* A reader that ends without a word; before the parent opens the store, as LMDB wants it. */
static void read_and_vanish(const char *directory)
{
    pid_t pid = fork();

    if (pid == 0) {
        Store *store = open_store(directory, STORE_READ, &small_limits);
        g_assert_nonnull(store_snapshot_begin(store, NULL));
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static void test_stale_reader(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    fill(fixture.store, 10);
    g_clear_pointer(&fixture.store, store_close);
    read_and_vanish(fixture.directory);
    read_and_vanish(fixture.directory);
    StoreHealth health = look(fixture.directory);
    g_assert_cmpuint(health.readers, ==, 2);
    g_assert_cmpuint(health.stale_readers, ==, 2);
    g_assert_cmpuint(look(fixture.directory).stale_readers, ==, 2); /* looking changes nothing */
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store-health/size", test_size);
    g_test_add_func("/store-health/stale-reader", test_stale_reader);
    return g_test_run();
}
