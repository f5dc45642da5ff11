/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include <fcntl.h>
#include <lmdb.h>
#include <unistd.h>

/*
 * store_check accepts a store that the store has written. It detects every other change of its
 * tables, also changes that LMDB itself does not notice. tests/crash/test_store_damage.py tests
 * changed bytes of the file.
 */

#define OBJECTS 12

static char *object_name(int i)
{
    g_autofree char *long_name = g_strnfill(500, 'l');

    /* Some keys are longer than LMDB allows, with a hash as their end. */
    return i % 4 == 3 ? g_strdup_printf("a/%s%d.png", long_name, i)
                      : g_strdup_printf("a/%d.jpg", i);
}

/* Adds objects of every state. */
static void fill(Store *store)
{
    static const ObjectState states[] = {STATE_DONE, STATE_SKIPPED, STATE_DEAD};

    for (int i = 0; i < OBJECTS; i++) {
        g_autofree char *key = object_name(i);
        Record record;
        int64_t due_us;
        (void)seen_as(store, key, version_of(i), PRIORITY_UPLOAD, T0 + i);
        g_assert_true(claim(store, T0 + i, &record, &due_us));
        /* The object stays running. */
        if (i % 5 == 4)
            continue;
        StoreOutcome outcome = outcome_of(states[i % 3], record.version, T0 + i);
        outcome.facts.damaged = i % 2;
        g_assert_true(finish(store, key, &outcome, &record));
    }
    for (int i = 0; i < 3; i++) {
        g_autofree char *key = g_strdup_printf("b/pending%d.jpg", i);
        (void)seen_as(store, key, version_of(i), PRIORITY_SCAN, T0);
    }
    commit(store);
}

static void expect_whole(const Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    bool whole = store_check(fixture->directory, &error);

    g_assert_no_error(error);
    g_assert_true(whole);
}

static void test_whole(void)
{
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    g_clear_pointer(&fixture.store, store_close);
    /* The store is empty. */
    expect_whole(&fixture);

    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    fill(fixture.store);
    g_clear_pointer(&fixture.store, store_close);
    expect_whole(&fixture);

    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    for (int i = 0; i < OBJECTS; i += 2) {
        g_autofree char *key = object_name(i);
        g_assert_true(remove_object(fixture.store, key, T0));
    }
    commit(fixture.store);
    g_clear_pointer(&fixture.store, store_close);
    expect_whole(&fixture);
    fixture_clear(&fixture);
}

static void test_missing(void)
{
    g_autofree char *directory = g_dir_make_tmp("thumbq-store-XXXXXX", NULL);
    g_autofree char *missing = g_build_filename(directory, "missing", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(store_check(missing, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

typedef enum {
    /* The value of the first row loses its last byte. */
    CUT,
    /* The value of the first row becomes all zeros. */
    CLEAR,
    /* The first row is removed. */
    REMOVE,
    /* The first and the last row exchange their values. */
    EXCHANGE,
    /* A row is added, with the last row's key plus one and its value. */
    ADD,
    /* A bit in the first byte of the first row's value is flipped. */
    TURN_FIRST,
    /* A bit in the last byte of the first row's value is flipped. */
    TURN_LAST,
} Damage;

typedef struct {
    const char *name;
    const char *table;
    Damage damage;
} Case;

static const Case cases[] = {
    {"record-cut", "objects", CUT},
    {"record-cleared", "objects", CLEAR},
    {"record-removed", "objects", REMOVE},
    {"record-of-another", "objects", EXCHANGE},
    {"record-added", "objects", ADD},
    {"queue-removed", "queue", REMOVE},
    {"queue-exchanged", "queue", EXCHANGE},
    {"queue-added", "queue", ADD},
    {"queue-turned", "queue", TURN_LAST},
    {"state-removed", "by_state", REMOVE},
    {"state-exchanged", "by_state", EXCHANGE},
    {"state-added", "by_state", ADD},
    {"date-removed", "by_date", REMOVE},
    {"date-exchanged", "by_date", EXCHANGE},
    {"date-added", "by_date", ADD},
    {"date-turned", "by_date", TURN_FIRST},
    {"size-removed", "by_size", REMOVE},
    {"size-exchanged", "by_size", EXCHANGE},
    {"size-added", "by_size", ADD},
    {"type-removed", "by_type", REMOVE},
    {"type-exchanged", "by_type", EXCHANGE},
    {"type-added", "by_type", ADD},
    {"totals-cut", "totals", CUT},
    {"totals-cleared", "totals", CLEAR},
    {"totals-removed", "totals", REMOVE},
    {"totals-exchanged", "totals", EXCHANGE},
    {"totals-added", "totals", ADD},
    {"totals-turned", "totals", TURN_FIRST},
};

#define VALUE_MAX 4096

typedef struct {
    uint8_t key[512], value[VALUE_MAX];
    /* The texts as LMDB takes them. */
    MDB_val key_of, value_of;
} Row;

static void read_row(MDB_cursor *cursor, MDB_cursor_op which, Row *row)
{
    g_assert_cmpint(mdb_cursor_get(cursor, &row->key_of, &row->value_of, which), ==, 0);
    g_assert_cmpuint(row->key_of.mv_size, <=, sizeof row->key);
    g_assert_cmpuint(row->value_of.mv_size, <=, sizeof row->value);
    memcpy(row->key, row->key_of.mv_data, row->key_of.mv_size);
    memcpy(row->value, row->value_of.mv_data, row->value_of.mv_size);
    row->key_of.mv_data = row->key;
    row->value_of.mv_data = row->value;
}

static void put(MDB_txn *txn, MDB_dbi dbi, Row *key, Row *value)
{
    g_assert_cmpint(mdb_put(txn, dbi, &key->key_of, &value->value_of, 0), ==, 0);
}

static void damage_rows(MDB_txn *txn, MDB_dbi dbi, Damage damage)
{
    Row first, last;
    MDB_cursor *cursor;

    g_assert_cmpint(mdb_cursor_open(txn, dbi, &cursor), ==, 0);
    read_row(cursor, MDB_FIRST, &first);
    read_row(cursor, MDB_LAST, &last);
    mdb_cursor_close(cursor);
    switch (damage) {
    case CUT:
        first.value_of.mv_size--;
        put(txn, dbi, &first, &first);
        break;
    case CLEAR:
        memset(first.value, 0, first.value_of.mv_size);
        put(txn, dbi, &first, &first);
        break;
    case REMOVE:
        g_assert_cmpint(mdb_del(txn, dbi, &first.key_of, NULL), ==, 0);
        break;
    case EXCHANGE:
        put(txn, dbi, &first, &last);
        put(txn, dbi, &last, &first);
        break;
    case ADD:
        last.key[last.key_of.mv_size - 1]++;
        put(txn, dbi, &last, &last);
        break;
    case TURN_FIRST:
        first.value[0] ^= 4;
        put(txn, dbi, &first, &first);
        break;
    case TURN_LAST:
        first.value[first.value_of.mv_size - 1] ^= 4;
        put(txn, dbi, &first, &first);
        break;
    }
}

static void damage_table(const char *directory, const char *table, Damage damage)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;

    g_assert_cmpint(mdb_env_create(&env), ==, 0);
    g_assert_cmpint(mdb_env_set_maxdbs(env, 4), ==, 0);
    g_assert_cmpint(mdb_env_open(env, directory, 0, 0644), ==, 0);
    g_assert_cmpint(mdb_txn_begin(env, NULL, 0, &txn), ==, 0);
    g_assert_cmpint(mdb_dbi_open(txn, table, 0, &dbi), ==, 0);
    damage_rows(txn, dbi, damage);
    g_assert_cmpint(mdb_txn_commit(txn), ==, 0);
    mdb_env_close(env);
}

static void test_damage(const void *data)
{
    const Case *row = data;
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    fill(fixture.store);
    g_clear_pointer(&fixture.store, store_close);
    expect_whole(&fixture);
    damage_table(fixture.directory, row->table, row->damage);
    g_assert_false(store_check(fixture.directory, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT);
    g_test_message("%s", error->message);
    fixture_clear(&fixture);
}

/* A number in the first row of LMDB's list of free pages is replaced. */
typedef struct {
    const char *name;
    /* Where it stands: at 0 is the number of pages, which follow. */
    size_t index;
    uint64_t number;
} FreeCase;

static const FreeCase free_cases[] = {
    {"free-too-many", 0, UINT64_MAX},
    {"free-one-more", 0, 1 << 20},
    {"free-meta-page", 1, 1},
    {"free-behind-the-end", 1, 1 << 20},
    {"free-behind-every-end", 1, INT64_MAX},
    {"free-twice", 1, 0},
};

#define PAGE_BYTES 4096

/* Writes to the file itself. A case with the number 0 repeats the second page. */
static void damage_free_pages(const char *directory, const FreeCase *row)
{
    g_autofree char *path = g_build_filename(directory, "data.mdb", NULL);
    MDB_cursor *cursor;
    MDB_val key, value;
    MDB_env *env;
    MDB_txn *txn;

    g_assert_cmpint(mdb_env_create(&env), ==, 0);
    g_assert_cmpint(mdb_env_open(env, directory, MDB_RDONLY, 0), ==, 0);
    g_assert_cmpint(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), ==, 0);
    g_assert_cmpint(mdb_cursor_open(txn, 0, &cursor), ==, 0);
    g_assert_cmpint(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), ==, 0);
    g_assert_cmpuint(value.mv_size, >=, 3 * sizeof row->number);
    const uint8_t *numbers = value.mv_data;
    const uint8_t *changed = row->number > 0 ? (const uint8_t *)&row->number : numbers + 16;
    /* Each page begins with its number. */
    size_t in_page = (uintptr_t)numbers % PAGE_BYTES;
    uint64_t page;
    memcpy(&page, numbers - in_page, sizeof page);
    off_t offset = (off_t)(page * PAGE_BYTES + in_page + row->index * 8);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    g_assert_cmpint(pwrite(fd, changed, 8, offset), ==, 8);
    close(fd);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

static void test_free_pages(const void *data)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    fill(fixture.store);
    g_clear_pointer(&fixture.store, store_close);
    expect_whole(&fixture);
    damage_free_pages(fixture.directory, data);
    g_assert_false(store_check(fixture.directory, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT);
    g_test_message("%s", error->message);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/check/whole", test_whole);
    g_test_add_func("/store/check/missing", test_missing);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/store/check/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_damage);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(free_cases); i++) {
        g_autofree char *path = g_strdup_printf("/store/check/%s", free_cases[i].name);
        g_test_add_data_func(path, &free_cases[i], test_free_pages);
    }
    return g_test_run();
}
