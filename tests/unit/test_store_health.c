/* SPDX-License-Identifier: Apache-2.0 */
/* The health of a store: its size, its free space, and readers that died without closing it. */
#include "store_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static StoreHealth read_health(Store *store)
{
    g_autoptr(GError) error = NULL;
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
    StoreHealth full = read_health(fixture.store);
    g_autofree char *path = g_build_filename(fixture.directory, "data.mdb", NULL);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(full.file_bytes, >, 100000);
    g_assert_cmpint(full.file_bytes, <=, st.st_size);
    g_assert_cmpuint(full.readers, ==, 0);
    g_assert_cmpuint(full.lag, ==, 0);
    g_assert_cmpuint(full.dead_readers, ==, 0);

    empty(fixture.store, 1000);
    StoreHealth emptied = read_health(fixture.store);
    g_assert_cmpint(emptied.free_bytes, >, full.free_bytes + full.file_bytes / 4);
    g_assert_cmpint(emptied.free_bytes, <, emptied.file_bytes);
    fixture_clear(&fixture);
}

/* Starts a reading process, and waits until it reads. It ends when *ret_end is closed. */
static pid_t start_reader(const char *directory, int *ret_end)
{
    int ready[2], end[2];
    char byte;

    g_assert_cmpint(pipe(ready), ==, 0);
    g_assert_cmpint(pipe(end), ==, 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(end[1]);
        Store *store = open_store(directory, STORE_READ, &small_limits);
        g_assert_nonnull(store_snapshot_begin(store, NULL));
        g_assert_cmpint(write(ready[1], "", 1), ==, 1);
        (void)read(end[0], &byte, 1);
        /* The process ends without closing the store. */
        _exit(read_health(store).dead_readers == 0 ? 0 : 1);
    }
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    (void)close(end[0]);
    *ret_end = end[1];
    return pid;
}

static void end_reader(pid_t pid, int end, int expected)
{
    int status;

    (void)close(end);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, expected);
}

static void test_readers(void)
{
    Fixture fixture;
    int end;

    fixture_init(&fixture, &small_limits);
    fill(fixture.store, 10);
    pid_t pid = start_reader(fixture.directory, &end);
    g_assert_cmpuint(read_health(fixture.store).readers, ==, 1);
    g_assert_cmpuint(read_health(fixture.store).lag, ==, 0);
    for (int i = 0; i < 5; i++)
        fill(fixture.store, i + 11);
    g_assert_cmpuint(read_health(fixture.store).lag, ==, 5);
    end_reader(pid, end, 0);
    /* The reader has died. The next process that opens the store clears its slot. */
    pid = start_reader(fixture.directory, &end);
    g_assert_cmpuint(read_health(fixture.store).readers, ==, 1);
    g_assert_cmpuint(read_health(fixture.store).lag, ==, 0);
    end_reader(pid, end, 1);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store-health/size", test_size);
    g_test_add_func("/store-health/readers", test_readers);
    return g_test_run();
}
