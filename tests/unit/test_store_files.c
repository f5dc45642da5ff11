/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * The store as files: opened, closed, killed, damaged, and used by two processes. A second process
 * is this program, executed anew: an environment does not survive fork.
 */

static char *data_path(const Fixture *fixture)
{
    return g_build_filename(fixture->directory, "data.mdb", NULL);
}

/* ---- the second process -------------------------------------------------------------------------
 */

static const char *program;

/* Runs `role` on the store's directory; it says "ready" on *ret_out and ends when *ret_in is
 * closed. */
static GPid spawn(const char *role, const char *directory, int *ret_in, FILE **ret_out)
{
    const char *const args[] = {program, role, directory, NULL};
    g_autoptr(GError) error = NULL;
    GPid pid;
    int out;

    g_assert_true(g_spawn_async_with_pipes(NULL, (char **)args, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
                                           NULL, NULL, &pid, ret_in, &out, NULL, &error));
    g_assert_no_error(error);
    *ret_out = fdopen(out, "r");
    return pid;
}

static void expect_line(FILE *in, const char *expected)
{
    char line[64] = "";

    g_assert_nonnull(fgets(line, sizeof line, in));
    g_strchomp(line);
    g_assert_cmpstr(line, ==, expected);
}

static void wait_for_input(void)
{
    char byte;

    if (read(STDIN_FILENO, &byte, 1) < 0)
        abort();
}

static void say(const char *line)
{
    puts(line);
    fflush(stdout);
}

static uint64_t count_rows(Store *store);

/* Commits one object, gathers another, and waits for its death. */
static void act_writer(const char *directory)
{
    Store *store = open_store(directory, STORE_WRITE, &small_limits);

    (void)seen_as(store, "committed", version_of(1), PRIORITY_UPLOAD, T0);
    commit(store);
    (void)seen_as(store, "gathered", version_of(1), PRIORITY_UPLOAD, T0);
    say("ready");
    wait_for_input();
}

/* Holds a snapshot, and counts anew whenever it is told to. */
static void act_reader(const char *directory)
{
    Store *store = open_store(directory, STORE_READ, &small_limits);
    char byte;

    say("ready");
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        g_autofree char *line = g_strdup_printf("%d", (int)count_rows(store));
        say(line);
    }
    store_close(store);
}

/* Keeps a snapshot open until it is killed. */
static void act_holder(const char *directory)
{
    Store *store = open_store(directory, STORE_READ, &small_limits);

    (void)begin_snapshot(store);
    say("ready");
    wait_for_input();
}

/* ---- helpers ------------------------------------------------------------------------------------
 */

static bool count_row(const Record *record, void *data)
{
    (void)record; /* whichever it is */
    ++*(uint64_t *)data;
    return true;
}

static uint64_t count_rows(Store *store)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    const StoreFilter everything = {0};
    uint64_t rows = 0;

    g_assert_true(
        store_query(snapshot, &everything, STORE_SORT_DATE, false, 0, count_row, &rows, &error));
    g_assert_no_error(error);
    return rows;
}

/* Adds objects with long keys, `n` from `first` on, a few per batch. */
static void add_objects(Store *store, int first, int n)
{
    g_autofree char *filler = g_strnfill(400, 'n');

    for (int i = first; i < first + n; i++) {
        g_autofree char *key = g_strdup_printf("%d/%s", i, filler);
        (void)seen_as(store, key, version_of(i), PRIORITY_UPLOAD, T0);
        if (i % 20 == 19)
            commit(store);
    }
    commit(store);
}

static void expect_open_error(const char *directory, StoreMode mode, ErrorCode code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(store_open_with_limits(directory, mode, &small_limits, &error));
    g_assert_error(error, THUMBQ_ERROR, (int)code);
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static void test_no_store(void)
{
    g_autofree char *directory = g_dir_make_tmp("thumbq-store-XXXXXX", NULL);
    g_autofree char *missing = g_build_filename(directory, "missing", NULL);
    g_autofree char *data = g_build_filename(directory, "data.mdb", NULL);

    expect_open_error(missing, STORE_READ, ERROR_NOT_FOUND);
    g_assert_false(g_file_test(missing, G_FILE_TEST_EXISTS));
    expect_open_error(directory, STORE_READ, ERROR_NOT_FOUND);
    g_assert_true(g_file_set_contents(data, "", 0, NULL));
    expect_open_error(directory, STORE_READ, ERROR_NOT_FOUND);
    g_assert_cmpint(g_remove(data), ==, 0);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void test_not_a_folder(void)
{
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    autofd fd = g_file_open_tmp("thumbq-store-XXXXXX", &path, &error);
    g_autofree char *below = g_build_filename(path, "store", NULL);

    g_assert_cmpint(fd, >=, 0);
    expect_open_error(below, STORE_WRITE, ERROR_NOT_TRUSTED);
    g_assert_cmpint(g_remove(path), ==, 0);
}

/* A reader can read what a writer has, and change nothing. */
static void test_reader_cannot_write(void)
{
    Fixture fixture;
    ObjectVersion version = version_of(1);
    g_autoptr(GError) error = NULL;
    StoreSeen seen;
    uint64_t id;

    fixture_init(&fixture, &small_limits);
    add_objects(fixture.store, 0, 5);
    store_close(fixture.store);
    fixture.store = open_store(fixture.directory, STORE_READ, &small_limits);
    g_assert_cmpuint(count_rows(fixture.store), ==, 5);
    g_assert_false(
        store_seen(fixture.store, "a", &version, PRIORITY_UPLOAD, T0, &seen, &id, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(count_rows(fixture.store), ==, 5);
    fixture_clear(&fixture);
}

/* ---- damage -------------------------------------------------------------------------------------
 */

/* Writes a value into the table of the store's own facts, as another version would. */
static void put_meta(const char *directory, const char *name, const void *value, size_t len)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {strlen(name), (void *)name};
    MDB_val data = {len, (void *)value};

    g_assert_cmpint(mdb_env_create(&env), ==, 0);
    g_assert_cmpint(mdb_env_set_maxdbs(env, 4), ==, 0);
    g_assert_cmpint(mdb_env_open(env, directory, 0, 0644), ==, 0);
    g_assert_cmpint(mdb_txn_begin(env, NULL, 0, &txn), ==, 0);
    g_assert_cmpint(mdb_dbi_open(txn, "meta", 0, &dbi), ==, 0);
    g_assert_cmpint(mdb_put(txn, dbi, &key, &data, 0), ==, 0);
    g_assert_cmpint(mdb_txn_commit(txn), ==, 0);
    mdb_env_close(env);
}

static void test_newer_schema(void)
{
    const uint32_t newer = GUINT32_TO_LE(1000);
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    g_clear_pointer(&fixture.store, store_close);
    put_meta(fixture.directory, "schema", &newer, sizeof newer);
    expect_open_error(fixture.directory, STORE_READ, ERROR_STORE);
    expect_open_error(fixture.directory, STORE_WRITE, ERROR_STORE);
    put_meta(fixture.directory, "schema", &newer, 1);
    expect_open_error(fixture.directory, STORE_WRITE, ERROR_STORE_CORRUPT);
    fixture_clear(&fixture);
}

/* Puts rows into a table and deletes them, in one commit. */
static void put_and_delete(MDB_env *env, uint32_t puts, uint32_t deletes)
{
    char text[600] = "";
    MDB_txn *txn;
    MDB_dbi dbi;

    g_assert_cmpint(mdb_txn_begin(env, NULL, 0, &txn), ==, 0);
    g_assert_cmpint(mdb_dbi_open(txn, "runs", 0, &dbi), ==, 0);
    for (uint32_t i = 0; i < puts; i++) {
        MDB_val key = {sizeof i, &i}, value = {sizeof text, text};
        g_assert_cmpint(mdb_put(txn, dbi, &key, &value, 0), ==, 0);
    }
    for (uint32_t i = 0; i < deletes; i++) {
        MDB_val key = {sizeof i, &i};
        g_assert_cmpint(mdb_del(txn, dbi, &key, NULL), ==, 0);
    }
    g_assert_cmpint(mdb_txn_commit(txn), ==, 0);
}

/* Takes pages from the end of the file and gives them back in the same commit. */
static void leave_end_unwritten(const char *directory)
{
    g_autofree char *data = g_build_filename(directory, "data.mdb", NULL);
    MDB_env *env;
    MDB_envinfo info;
    struct stat st;

    g_assert_cmpint(mdb_env_create(&env), ==, 0);
    g_assert_cmpint(mdb_env_set_maxdbs(env, 4), ==, 0);
    g_assert_cmpint(mdb_env_set_mapsize(env, 1 << 24), ==, 0);
    g_assert_cmpint(mdb_env_open(env, directory, 0, 0644), ==, 0);
    put_and_delete(env, 500, 0);
    put_and_delete(env, 0, 500);
    put_and_delete(env, 2000, 2000);
    g_assert_cmpint(mdb_env_info(env, &info), ==, 0);
    mdb_env_close(env);
    g_assert_cmpint(stat(data, &st), ==, 0);
    g_assert_cmpuint((size_t)st.st_size, <, (info.me_last_pgno + 1) * 4096);
}

/* A file that ends before its last page, with nothing in what it lacks, is no damaged one. */
static void test_unwritten_end(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;

    fixture_init(&fixture, &small_limits);
    g_clear_pointer(&fixture.store, store_close);
    leave_end_unwritten(fixture.directory);
    g_assert_true(store_check(fixture.directory, &error));
    g_assert_no_error(error);
    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    g_assert_cmpint(count_rows(fixture.store), ==, 0);

    /* It has been made whole: others can read it, too. */
    g_clear_pointer(&fixture.store, store_close);
    fixture.store = open_store(fixture.directory, STORE_READ, &small_limits);
    fixture_clear(&fixture);
}

static void test_damaged_counters(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    g_clear_pointer(&fixture.store, store_close);
    put_meta(fixture.directory, "counters", "short", 5);
    expect_open_error(fixture.directory, STORE_WRITE, ERROR_STORE_CORRUPT);
    fixture_clear(&fixture);
}

static void test_not_a_store(void)
{
    g_autofree char *text = g_strnfill(100000, 'x');
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    g_clear_pointer(&fixture.store, store_close);
    g_autofree char *path = data_path(&fixture);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    expect_open_error(fixture.directory, STORE_READ, ERROR_STORE_CORRUPT);
    expect_open_error(fixture.directory, STORE_WRITE, ERROR_STORE_CORRUPT);
    fixture_clear(&fixture);
}

static void test_cut_short(void)
{
    Fixture fixture;
    struct stat st;

    fixture_init(&fixture, &small_limits);
    add_objects(fixture.store, 0, 200);
    g_clear_pointer(&fixture.store, store_close);
    g_autofree char *path = data_path(&fixture);
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(truncate(path, st.st_size / 2), ==, 0);
    expect_open_error(fixture.directory, STORE_READ, ERROR_STORE_CORRUPT);
    expect_open_error(fixture.directory, STORE_WRITE, ERROR_STORE_CORRUPT);
    fixture_clear(&fixture);
}

/* ---- growing ------------------------------------------------------------------------------------
 */

/* From a map of 1 MiB; what was in it is there afterwards. */
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

    (void)record; /* whichever it is */
    add_objects(data, next, 20);
    next += 20;
    return next < 13000;
}

/* A visitor that writes lets the map grow as well. */
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

/* Gathers `n` objects with long keys in one batch. */
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

/* A batch that does not fit is lost; after a few of them the map has grown enough. */
static void test_full_map(void)
{
    const StoreLimits limits = {
        .map_bytes = 1 << 20,
        .headroom_bytes = 64 << 10, /* far too little for a batch of this size */
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
        /* Nothing of a batch that failed may be added to or committed. */
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

/* A full disk, as far as a test can have one: a limit to the size of files, in the midst of a page.
 */
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

    /* It goes on when there is space again. */
    add_objects(fixture.store, 20, 200);
    g_assert_cmpuint(count_rows(fixture.store), ==, committed + 200);
    fixture_clear(&fixture);
}

/* ---- two processes ------------------------------------------------------------------------------
 */

static void test_killed_writer(void)
{
    Fixture fixture;
    Record record;
    FILE *out;
    int in;

    fixture_init(&fixture, &small_limits);
    store_close(fixture.store);
    GPid pid = spawn("--writer", fixture.directory, &in, &out);
    expect_line(out, "ready");
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    (void)fclose(out); /* only read from */
    fd_clear(&in);

    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    g_assert_true(peek(fixture.store, "committed", &record));
    g_assert_false(peek(fixture.store, "gathered", &record));
    add_objects(fixture.store, 0, 10);
    g_assert_cmpuint(count_rows(fixture.store), ==, 11);
    fixture_clear(&fixture);
}

/* A reader follows while the writer adds objects and its map grows. */
static void test_reader_follows(void)
{
    Fixture fixture;
    FILE *out;
    int in;

    fixture_init(&fixture, &small_limits);
    GPid pid = spawn("--reader", fixture.directory, &in, &out);
    expect_line(out, "ready");
    for (int n = 0; n < 4000; n += 500) {
        g_autofree char *expected = g_strdup_printf("%d", n + 500);
        add_objects(fixture.store, n, 500);
        g_assert_cmpint(write(in, "c", 1), ==, 1);
        expect_line(out, expected);
    }
    fd_clear(&in);

    int status;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    (void)fclose(out); /* only read from */
    fixture_clear(&fixture);
}

/* Overwrites the same few objects; returns how much the file has grown by it. */
static int64_t churn(Fixture *fixture)
{
    g_autofree char *path = data_path(fixture);
    struct stat before, after;

    g_assert_cmpint(stat(path, &before), ==, 0);
    for (int i = 0; i < 300; i++) {
        for (int k = 0; k < 10; k++) {
            g_autofree char *key = g_strdup_printf("%d", k);
            (void)seen_as(fixture->store, key, version_of(i), PRIORITY_UPLOAD, T0 + i);
        }
        commit(fixture->store);
    }
    g_assert_cmpint(stat(path, &after), ==, 0);
    return after.st_size - before.st_size;
}

/* A reader that was killed with a snapshot open does not keep old pages for ever. */
static void test_killed_reader(void)
{
    Fixture fixture;
    FILE *out;
    int in;

    fixture_init(&fixture, &small_limits);
    (void)churn(&fixture);
    GPid pid = spawn("--holder", fixture.directory, &in, &out);
    expect_line(out, "ready");
    int64_t held = churn(&fixture);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    (void)churn(&fixture); /* long enough for the writer to notice */
    int64_t later = churn(&fixture);
    g_assert_cmpint(held, >, 1 << 20);
    g_assert_cmpint(later, <, held / 4);
    (void)fclose(out); /* only read from */
    fd_clear(&in);
    fixture_clear(&fixture);
}

/* -------------------------------------------------------------------------------------------------
 */

static bool act(int argc, char **argv)
{
    static const struct {
        const char *role;
        void (*act)(const char *directory);
    } roles[] = {{"--writer", act_writer}, {"--reader", act_reader}, {"--holder", act_holder}};

    for (size_t i = 0; argc == 3 && i < G_N_ELEMENTS(roles); i++) {
        if (g_str_equal(argv[1], roles[i].role)) {
            roles[i].act(argv[2]);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    if (act(argc, argv))
        return 0;
    program = "/proc/self/exe";
    g_autofree char *own_path = g_file_read_link(program, NULL);
    program = own_path;
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/open/no_store", test_no_store);
    g_test_add_func("/store/open/not_a_folder", test_not_a_folder);
    g_test_add_func("/store/open/reader_cannot_write", test_reader_cannot_write);
    g_test_add_func("/store/damage/unwritten_end", test_unwritten_end);
    g_test_add_func("/store/damage/newer_schema", test_newer_schema);
    g_test_add_func("/store/damage/counters", test_damaged_counters);
    g_test_add_func("/store/damage/not_a_store", test_not_a_store);
    g_test_add_func("/store/damage/cut_short", test_cut_short);
    g_test_add_func("/store/growth/writing", test_growth);
    g_test_add_func("/store/growth/walking", test_growth_while_walking);
    g_test_add_func("/store/growth/full_map", test_full_map);
    g_test_add_func("/store/no_space", test_no_space);
    g_test_add_func("/store/processes/killed_writer", test_killed_writer);
    g_test_add_func("/store/processes/reader_follows", test_reader_follows);
    g_test_add_func("/store/processes/killed_reader", test_killed_reader);
    return g_test_run();
}
