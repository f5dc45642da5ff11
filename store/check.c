/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a whole store: whether records, indexes and totals agree. */
#include "engine/env.h"
#include "engine/free_pages.h"
#include "engine/snapshot.h"
#include "schema.h"
#include "store/jobs.h"
#include "tables/groups.h"
#include "tables/object_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Smallest size of a row: a header and one byte of key. It limits the number of rows a file can
 * hold.
 */
#define ROW_BYTES_MIN 10

/* Checks that the index has a row for the record that the row names. */
static bool check_index(Store *store, MDB_txn *txn, Table table, IndexKey index_key, MDB_val row,
                        GError **error)
{
    MDB_val value = {0, NULL};
    bool found;

    if (index_key.len == 0)
        return true;
    if (!env_get(store, txn, table, (MDB_val){index_key.len, index_key.bytes}, &found, &value,
                 error))
        return false;
    return (found && value.mv_size == row.mv_size &&
            memcmp(value.mv_data, row.mv_data, row.mv_size) == 0) ||
           env_fail_corrupt(store, "its tables do not agree", error);
}

/* Checks that a record lies in its row, and has its rows in all indexes. */
static bool check_record(Store *store, MDB_txn *txn, MDB_val key, MDB_val value, GError **error)
{
    uint8_t row[KEY_MAX];
    Record record;

    if (!objects_decode(store, value, &record, error))
        return false;
    size_t len = key_from_object(record.key, row);
    if (len != key.mv_size || memcmp(row, key.mv_data, len) != 0)
        return env_fail_corrupt(store, "a record is in the row of another one", error);
    return check_index(store, txn, TABLE_QUEUE, index_key_queue(&record), key, error) &&
           check_index(store, txn, TABLE_BY_STATE, index_key_state(&record), key, error) &&
           check_index(store, txn, TABLE_BY_DATE, index_key_date(&record), key, error) &&
           check_index(store, txn, TABLE_BY_SIZE, index_key_size(&record), key, error) &&
           check_index(store, txn, TABLE_BY_TYPE, index_key_type(&record), key, error);
}

/* Reads every byte of a row, so that unreadable pages are found here. */
static uint8_t touch(MDB_val value)
{
    const uint8_t *bytes = value.mv_data;
    uint8_t sum = 0;

    for (size_t i = 0; i < value.mv_size; i++)
        sum ^= bytes[i];
    return sum;
}

/*
 * Reads all rows of a table: they must be in order, as many as `expected`, and records must be
 * valid.
 */
static bool check_rows(Store *store, MDB_txn *txn, Table table, MDB_cursor *cursor, size_t expected,
                       GError **error)
{
    MDB_dbi dbi = store->tables[table];
    MDB_val key, value, last = {0, NULL};
    volatile uint8_t sum = 0;
    size_t n = 0;
    int rc;

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        if (++n > expected || (last.mv_data && mdb_cmp(txn, dbi, &last, &key) >= 0))
            return env_fail_corrupt(store, "a table is not in order", error);
        sum ^= touch(value);
        if (table == TABLE_OBJECTS && !check_record(store, txn, key, value, error))
            return false;
        /* The key stays valid until the end of the transaction. */
        last = key;
    }
    if (rc != MDB_NOTFOUND)
        return env_fail(store, rc, "cannot read store", error);
    return n == expected || env_fail_corrupt(store, "rows are missing", error);
}

/* Checks a table; *ret_rows: its number of rows, which cannot be more than `rows_max`. */
static bool check_table(Store *store, MDB_txn *txn, Table table, size_t rows_max, size_t *ret_rows,
                        GError **error)
{
    MDB_stat stat;
    MDB_cursor *cursor;

    *ret_rows = 0;
    if (store->tables[table] == TABLE_LACKING)
        return true;
    int rc = mdb_stat(txn, store->tables[table], &stat);
    if (rc == 0)
        rc = mdb_cursor_open(txn, store->tables[table], &cursor);
    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    /* A number of rows that the file cannot hold means that the pages form a loop. */
    bool ok = stat.ms_entries <= rows_max
                  ? check_rows(store, txn, table, cursor, stat.ms_entries, error)
                  : env_fail_corrupt(store, "its size is impossible", error);
    mdb_cursor_close(cursor);
    if (ok)
        *ret_rows = stat.ms_entries;
    return ok;
}

/* Checks all tables, and that those with a row for each record have as many rows. */
static bool check_tables(Store *store, MDB_txn *txn, size_t *ret_queued, GError **error)
{
    struct stat st;
    size_t rows[TABLES];
    int fd;

    /* This fails only without an environment. */
    (void)mdb_env_get_fd(store->env, &fd);
    if (fstat(fd, &st) != 0)
        return env_fail(store, errno, "cannot read store", error);
    for (int i = 0; i < TABLES; i++) {
        if (!check_table(store, txn, (Table)i, (size_t)st.st_size / ROW_BYTES_MIN, &rows[i], error))
            return false;
    }
    /* Each record has exactly one row in each of these tables. */
    static const Table indexes[] = {TABLE_BY_STATE, TABLE_BY_DATE, TABLE_BY_SIZE, TABLE_BY_TYPE};
    for (size_t i = 0; i < G_N_ELEMENTS(indexes); i++) {
        if (rows[indexes[i]] != rows[TABLE_OBJECTS])
            return env_fail_corrupt(store, "its tables do not agree", error);
    }
    *ret_queued = rows[TABLE_QUEUE];
    return true;
}

typedef struct {
    /* The totals that the store keeps. */
    ObjectTotals all;
    /* The totals that were counted from the records, or from the groups of a table. */
    ObjectTotals counted;
} Sums;

static bool count_record(const Record *record, void *data)
{
    group_add(&((Sums *)data)->counted, record);
    return true;
}

static bool store_sums(const char *group, const ObjectTotals *totals, void *data)
{
    (void)group;
    ((Sums *)data)->all = *totals;
    return true;
}

static bool add_group(const char *group, const ObjectTotals *totals, void *data)
{
    (void)group;
    object_totals_add(&((Sums *)data)->counted, totals);
    return true;
}

/*
 * True if the stored totals and the counted ones are equal. The struct contains only counters of
 * one type, so it has no padding.
 */
static bool sums_agree(const Sums *sums)
{
    return memcmp(&sums->all, &sums->counted, sizeof sums->all) == 0;
}

/* Checks the stored totals against a count of all records. */
static bool check_totals(StoreSnapshot *snapshot, size_t queued, GError **error)
{
    const StoreFilter everything = {0};
    Sums sums = {0};

    if (!store_totals(snapshot, &everything, STORE_BY_ALL, store_sums, &sums, error) ||
        !store_query(snapshot, &everything, STORE_SORT_NAME, false, 0, count_record, &sums, error))
        return false;
    bool agree = sums_agree(&sums) && sums.all.by_state[STATE_PENDING] == queued;
    for (int by = STORE_BY_TYPE; agree && by <= STORE_BY_PREFIX; by++) {
        sums.counted = (ObjectTotals){0};
        if (!store_totals(snapshot, &everything, (StoreBy)by, add_group, &sums, error))
            return false;
        agree = sums_agree(&sums);
    }
    return agree || env_fail_corrupt(snapshot->store, "its totals are wrong", error);
}

static bool accept_job(const BatchJob *job, void *data)
{
    (void)job;
    (void)data;
    return true;
}

/* Checks that each job can be read. */
static bool check_jobs(StoreSnapshot *snapshot, GError **error)
{
    return store_jobs(snapshot, accept_job, NULL, error);
}

bool store_check(const char *directory, GError **error)
{
    g_autoptr(Store) store = schema_open_alone(AT_FDCWD, directory, error);
    g_autoptr(StoreSnapshot) snapshot = store ? store_snapshot_begin(store, error) : NULL;

    size_t queued = 0, free_pages;

    return snapshot && free_pages_count(store, snapshot->txn, &free_pages, error) &&
           check_tables(store, snapshot->txn, &queued, error) &&
           check_totals(snapshot, queued, error) && check_jobs(snapshot, error);
}
