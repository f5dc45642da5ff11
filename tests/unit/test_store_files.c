/* SPDX-License-Identifier: Apache-2.0 */
/* The store as files: missing, foreign, of another version, damaged. */
#include "base/file.h"
#include "store_fixture.h"
#include "store_rows.h"

#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_open_error(const char *directory, StoreMode mode, ErrorCode code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(store_open_with_limits(directory, mode, &small_limits, &error));
    g_assert_error(error, THUMBQ_ERROR, (int)code);
}

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

/* A reader can read the store of a writer, and cannot change it. */
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

/* Takes pages at the end of the file and frees them in the same commit. */
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

/* A file that ends before its last page is not damaged if the missing pages are empty. */
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

    /* The file is complete now: others can read it, too. */
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/open/no_store", test_no_store);
    g_test_add_func("/store/open/not_a_folder", test_not_a_folder);
    g_test_add_func("/store/open/reader_cannot_write", test_reader_cannot_write);
    g_test_add_func("/store/damage/unwritten_end", test_unwritten_end);
    g_test_add_func("/store/damage/newer_schema", test_newer_schema);
    g_test_add_func("/store/damage/counters", test_damaged_counters);
    g_test_add_func("/store/damage/not_a_store", test_not_a_store);
    g_test_add_func("/store/damage/cut_short", test_cut_short);
    return g_test_run();
}
