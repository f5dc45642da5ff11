/* SPDX-License-Identifier: Apache-2.0 */
/* A store of schema 1, which the test makes, is converted and keeps its figures. */
#include "base/error.h"
#include "base/pack.h"
#include "base/zone.h"
#include "store/jobs.h"
#include "store_fixture.h"

#include <lmdb.h>

#define HOUR (3600 * SECOND)

typedef struct {
    MDB_env *env;
    MDB_txn *txn;
} Raw;

static Raw raw_open(const char *directory)
{
    Raw raw;

    g_assert_cmpint(mdb_env_create(&raw.env), ==, 0);
    g_assert_cmpint(mdb_env_set_maxdbs(raw.env, 4), ==, 0);
    g_assert_cmpint(mdb_env_open(raw.env, directory, 0, 0644), ==, 0);
    g_assert_cmpint(mdb_txn_begin(raw.env, NULL, 0, &raw.txn), ==, 0);
    return raw;
}

static void raw_put(const Raw *raw, const char *table, const void *key, size_t key_len,
                    const void *value, size_t len)
{
    MDB_dbi dbi;
    MDB_val bytes = {key_len, (void *)key};
    MDB_val data = {len, (void *)value};

    g_assert_cmpint(mdb_dbi_open(raw->txn, table, 0, &dbi), ==, 0);
    g_assert_cmpint(mdb_put(raw->txn, dbi, &bytes, &data, 0), ==, 0);
}

static void raw_close(Raw *raw)
{
    g_assert_cmpint(mdb_txn_commit(raw->txn), ==, 0);
    mdb_env_close(raw->env);
}

/* Makes a row of `n` invocations of `us` microseconds each, with a latency below 32 us each. */
static size_t old_row(uint64_t n, int64_t us, uint8_t row[static 128])
{
    Packer packer = {.data = row, .max = 128};
    const uint64_t counters[] = {n, 2, 1, n * 7, n * (uint64_t)us, 300, 4096};

    for (size_t i = 0; i < G_N_ELEMENTS(counters); i++)
        pack_u64(&packer, counters[i]);
    for (int i = 0; i < 2; i++) {
        pack_i64(&packer, us);
        pack_u16(&packer, 1);
        /* Below 64, a bucket is a value. */
        pack_u16(&packer, (uint16_t)us);
        pack_u64(&packer, n);
    }
    g_assert_false(packer.failed);
    return packer.len;
}

static void put_old_hour(const Raw *raw, int64_t time_us, uint64_t n)
{
    uint8_t row[128], key[9] = {1};
    uint64_t hour = GUINT64_TO_BE((uint64_t)(time_us / HOUR) ^ (UINT64_C(1) << 63));

    memcpy(key + 1, &hour, sizeof hour);
    raw_put(raw, "metrics", key, sizeof key, row, old_row(n, 20, row));
}

/* Makes the metrics of 2 hours in schema 1, and one object. */
static void make_old(Fixture *fixture)
{
    const uint32_t version = GUINT32_TO_LE(1);
    const uint8_t all = 0;
    uint8_t row[128];

    fixture_init(fixture, &small_limits);
    (void)seen_as(fixture->store, "a", version_of(1), PRIORITY_UPLOAD, T0);
    commit(fixture->store);
    g_clear_pointer(&fixture->store, store_close);

    Raw raw = raw_open(fixture->directory);
    MDB_dbi dbi;
    g_assert_cmpint(mdb_dbi_open(raw.txn, "metrics", 0, &dbi), ==, 0);
    g_assert_cmpint(mdb_drop(raw.txn, dbi, 0), ==, 0);
    put_old_hour(&raw, T0, 10);
    put_old_hour(&raw, T0 + 5 * HOUR, 30);
    raw_put(&raw, "metrics", &all, 1, row, old_row(40, 20, row));
    raw_put(&raw, "meta", "schema", 6, &version, sizeof version);
    MDB_val key = {7, (void *)"metrics"};
    g_assert_cmpint(mdb_dbi_open(raw.txn, "meta", 0, &dbi), ==, 0);
    g_assert_cmpint(mdb_del(raw.txn, dbi, &key, NULL), ==, 0);
    g_assert_cmpint(mdb_dbi_open(raw.txn, "jobs", 0, &dbi), ==, 0);
    g_assert_cmpint(mdb_drop(raw.txn, dbi, 1), ==, 0);
    raw_close(&raw);
}

static int64_t invocations(Store *store, int64_t since_us, int64_t until_us)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autofree StoreMetrics *metrics = g_new(StoreMetrics, 1);
    g_autoptr(GError) error = NULL;

    g_assert_true(store_metrics(snapshot, since_us, until_us, metrics, &error));
    return metrics->measures.values[METRIC_INVOCATIONS];
}

static Bill bill(Store *store)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    Bill result;

    g_assert_true(store_bill(snapshot, T0 - DAY, T0 + 10 * DAY, &result, &error));
    return result;
}

static void invoke(Store *store, int64_t start_us)
{
    Record record;
    int64_t due_us;
    StoreOutcome outcome = outcome_of(STATE_PENDING, version_of(1), start_us);

    g_assert_true(claim(store, start_us, &record, &due_us));
    outcome.attempt.start_us = start_us;
    outcome.memory_mb = 128;
    g_assert_true(finish(store, "a", &outcome, &record));
    commit(store);
}

static void test_convert(void)
{
    Fixture fixture;

    make_old(&fixture);
    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);

    /* The figures are known by the hour. */
    g_assert_cmpint(invocations(fixture.store, INT64_MIN, INT64_MAX), ==, 40);
    g_assert_cmpint(invocations(fixture.store, T0 + HOUR / 2, T0 + HOUR / 2 + 1), ==, 10);
    g_assert_cmpint(invocations(fixture.store, T0 + HOUR, T0 + 9 * HOUR), ==, 30);
    g_assert_cmpint(invocations(fixture.store, T0, T0 + DAY), ==, 40);

    /*
     * New figures are added to the old ones, but the bill has only those that were counted for it.
     */
    g_assert_cmpint(bill(fixture.store).counted_since_us, ==, 0);
    invoke(fixture.store, T0 + 6 * HOUR + 1);
    invoke(fixture.store, T0 + 2 * DAY);
    g_assert_cmpint(invocations(fixture.store, T0, T0 + DAY), ==, 41);
    g_assert_cmpint(invocations(fixture.store, T0 + 6 * HOUR, T0 + 6 * HOUR + 1), ==, 1);
    g_assert_cmpint(invocations(fixture.store, T0 - DAY, T0 + 10 * DAY), ==, 42);
    g_assert_cmpuint(bill(fixture.store).requests, ==, 2);
    g_assert_cmpint(bill(fixture.store).counted_since_us, ==, T0 + 6 * HOUR + 1);
    fixture_clear(&fixture);
}

static bool count_record(const Record *record, void *n)
{
    (void)record;
    ++*(int *)n;
    return true;
}

static bool count_event(const Event *event, void *n)
{
    (void)event;
    ++*(int *)n;
    return true;
}

static bool count_group(const char *group, const ObjectTotals *totals, void *n)
{
    (void)group;
    (void)totals;
    ++*(int *)n;
    return true;
}

static bool count_job(const BatchJob *job, void *n)
{
    (void)job;
    ++*(int *)n;
    return true;
}

/* Reads everything that commands read. */
static void read_all(Store *store, int *ret_objects)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    const StoreFilter all = {0};
    g_autoptr(GError) error = NULL;
    Record record;
    int n = 0, ignored = 0;

    for (StoreSort sort = STORE_SORT_NAME; sort <= STORE_SORT_DURATION; sort++) {
        g_assert_true(store_query(snapshot, &all, sort, false, 0, count_record, &ignored, &error));
        g_assert_no_error(error);
    }
    g_assert_true(store_query(snapshot, &all, STORE_SORT_NAME, false, 0, count_record, &n, &error));
    for (StoreBy by = STORE_BY_ALL; by <= STORE_BY_SIZE; by++) {
        g_assert_true(store_totals(snapshot, &all, by, count_group, &ignored, &error));
        g_assert_no_error(error);
    }
    for (ObjectState state = STATE_PENDING; state < STATES_END; state++) {
        const StoreFilter one = {.states = 1U << state};
        g_assert_true(
            store_query(snapshot, &one, STORE_SORT_NAME, false, 0, count_record, &ignored, &error));
        g_assert_no_error(error);
    }
    g_assert_true(store_get(snapshot, "a", &record, &error));
    g_assert_true(store_events(snapshot, 0, 0, 0, count_event, &ignored, &error));
    g_assert_no_error(error);
    g_assert_true(store_events(snapshot, 0, 1, 0, count_event, &ignored, &error));
    g_assert_no_error(error);
    g_assert_true(store_jobs(snapshot, count_job, &ignored, &error));
    g_assert_no_error(error);
    g_assert_cmpint(invocations(store, INT64_MIN, INT64_MAX), >=, 0);
    g_assert_cmpint(invocations(store, T0, T0 + DAY), >=, 0);
    (void)bill(store);
    *ret_objects = n;
}

/* A store of an older thumbq is read as it is, and missing tables count as empty. */
static void test_read_only(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;
    int objects;

    make_old(&fixture);
    fixture.store = open_store(fixture.directory, STORE_READ, &small_limits);
    g_assert_true(store_is_old(fixture.store));
    read_all(fixture.store, &objects);
    g_assert_cmpint(objects, ==, 1);
    g_assert_cmpint(invocations(fixture.store, INT64_MIN, INT64_MAX), ==, 0);
    g_clear_pointer(&fixture.store, store_close);

    /* The store is sound, so it is not made anew after a crash. */
    g_assert_true(store_check(fixture.directory, &error));
    g_assert_no_error(error);
    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    g_assert_false(store_is_old(fixture.store));
    g_assert_cmpint(invocations(fixture.store, INT64_MIN, INT64_MAX), ==, 40);
    fixture_clear(&fixture);
}

/* Each table may be missing, except those without which the store is unknown. */
static void test_lacking(void)
{
    static const char *const tables[] = {
        "queue",   "by_state", "by_date",          "by_size", "by_type", "totals",
        "metrics", "events",   "events_by_object", "runs",    "jobs"};
    const uint32_t version = GUINT32_TO_LE(2);

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++) {
        Fixture fixture;
        int objects;

        fixture_init(&fixture, &small_limits);
        (void)seen_as(fixture.store, "a", version_of(1), PRIORITY_UPLOAD, T0);
        commit(fixture.store);
        g_clear_pointer(&fixture.store, store_close);
        Raw raw = raw_open(fixture.directory);
        MDB_dbi dbi;
        g_assert_cmpint(mdb_dbi_open(raw.txn, tables[i], 0, &dbi), ==, 0);
        g_assert_cmpint(mdb_drop(raw.txn, dbi, 1), ==, 0);
        raw_put(&raw, "meta", "schema", 6, &version, sizeof version);
        raw_close(&raw);
        fixture.store = open_store(fixture.directory, STORE_READ, &small_limits);
        read_all(fixture.store, &objects);
        g_assert_cmpint(objects, ==, 1);
        fixture_clear(&fixture);
    }
}

static void test_damaged(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;

    make_old(&fixture);
    Raw raw = raw_open(fixture.directory);
    const uint8_t key[9] = {1, 0x80};
    raw_put(&raw, "metrics", key, sizeof key, "noise", 5);
    raw_close(&raw);
    g_assert_null(store_open(fixture.directory, STORE_WRITE, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT);
    fixture_clear(&fixture);
}

/* Cuts the records to schema 2, which has only the 176 bytes of the fixed part. */
static void age_records(const Raw *raw)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new();
    MDB_cursor *cursor;
    MDB_val key, value;
    MDB_dbi dbi;

    g_assert_cmpint(mdb_dbi_open(raw->txn, "objects", 0, &dbi), ==, 0);
    g_assert_cmpint(mdb_cursor_open(raw->txn, dbi, &cursor), ==, 0);
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        g_autoptr(GByteArray) row = g_byte_array_new();
        g_byte_array_append(row, value.mv_data, (guint)value.mv_size);
        g_byte_array_remove_range(row, 176, 8);
        row->data[0] = 1;
        MDB_val old = {row->len, row->data};
        g_assert_cmpint(mdb_cursor_put(cursor, &key, &old, MDB_CURRENT), ==, 0);
    }
    mdb_cursor_close(cursor);
}

static void make_schema_2(Fixture *fixture)
{
    const uint32_t version = GUINT32_TO_LE(2);
    StoreOutcome outcome = outcome_of(STATE_DONE, version_of(2), T0);
    Record record;
    int64_t due_us;

    g_setenv("TZ", "UTC", TRUE);
    zone_refresh();
    fixture_init(fixture, &small_limits);
    ObjectVersion file = version_of(1);
    /* The time 2025-12-31T23:59:59Z. */
    file.mtime_ns = (T0 - SECOND) * 1000;
    (void)seen_as(fixture->store, "photo", version_of(2), PRIORITY_UPLOAD, T0);
    g_assert_true(claim(fixture->store, T0, &record, &due_us));
    outcome.has_facts = true;
    outcome.facts = (ImageFacts){.type = IMAGE_JPEG, .has_date = true, .date_us = T0 - SECOND};
    g_assert_true(finish(fixture->store, "photo", &outcome, &record));
    (void)seen_as(fixture->store, "file", file, PRIORITY_UPLOAD, T0);
    commit(fixture->store);
    g_clear_pointer(&fixture->store, store_close);

    Raw raw = raw_open(fixture->directory);
    age_records(&raw);
    raw_put(&raw, "meta", "schema", 6, &version, sizeof version);
    raw_close(&raw);
    g_setenv("TZ", "CET-1", TRUE);
    zone_refresh();
}

static bool add_day(const char *group, const ObjectTotals *totals, void *days)
{
    g_string_append_printf(days, "%s:%d ", group, (int)totals->objects);
    return true;
}

static bool add_name(const Record *record, void *names)
{
    g_string_append_printf(names, "%s ", record->key);
    return true;
}

/* Asserts the days, the objects since 2026, and all objects in the order of their dates. */
static void expect_dates(Store *store, const char *expected)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    const StoreFilter all = {0}, since = {.has_since = true, .since_us = T0};

    g_assert_true(store_totals(snapshot, &all, STORE_BY_DAY, add_day, text, &error));
    g_string_append(text, "; ");
    g_assert_true(store_query(snapshot, &since, STORE_SORT_NAME, false, 0, add_name, text, &error));
    g_string_append(text, "; ");
    g_assert_true(store_query(snapshot, &all, STORE_SORT_DATE, false, 0, add_name, text, &error));
    g_assert_cmpstr(text->str, ==, expected);
}

/* The date of a file is in the local zone, before and after the conversion of its records. */
static void test_dates(void)
{
    const char *const expected = "2025-12-31:1 2026-01-01:1 ; file ; photo file ";
    Fixture fixture;
    g_autoptr(GError) error = NULL;
    Record record;
    bool is_local, found;

    make_schema_2(&fixture);
    fixture.store = open_store(fixture.directory, STORE_WRITE, &small_limits);
    expect_dates(fixture.store, expected);
    g_assert_true(store_peek(fixture.store, "photo", &found, &record, &error) && found);
    g_assert_true(record.is_date_unsure);
    g_assert_true(store_redate(fixture.store, "photo", &error));
    g_assert_true(store_redate(fixture.store, "file", &error));
    g_assert_true(store_set_zone(fixture.store, true, &error));
    commit(fixture.store);
    expect_dates(fixture.store, expected);

    StoreSnapshot *snapshot = begin_snapshot(fixture.store);
    g_assert_true(store_zone_is_local(snapshot, &is_local, &error) && is_local);
    store_snapshot_end(snapshot);
    g_clear_pointer(&fixture.store, store_close);
    g_assert_true(store_check(fixture.directory, &error));
    g_assert_no_error(error);
    /* A reader in another zone must not use the index of this zone. */
    g_setenv("TZ", "UTC", TRUE);
    zone_refresh();
    fixture.store = open_store(fixture.directory, STORE_READ, &small_limits);
    expect_dates(fixture.store, "2025-12-31:2 ; ; photo file ");
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/convert/metrics", test_convert);
    g_test_add_func("/store/convert/dates", test_dates);
    g_test_add_func("/store/convert/read_only", test_read_only);
    g_test_add_func("/store/convert/lacking", test_lacking);
    g_test_add_func("/store/convert/damaged", test_damaged);
    return g_test_run();
}
