/* SPDX-License-Identifier: Apache-2.0 */
#include "groups.h"
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Rows that the file could hold at the most: each takes a header and a byte of key. */
#define ROW_BYTES_MIN 10

/* The index has a row for the record that names it. */
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

static bool check_record(Store *store, MDB_txn *txn, MDB_val key, MDB_val value, GError **error)
{
    uint8_t row[KEY_MAX];
    Record record;

    if (!objects_decode(store, value, &record, error))
        return false;
    size_t len = key_from_object(record.key, row);
    if (len != key.mv_size || memcmp(row, key.mv_data, len) != 0)
        return env_fail_corrupt(store, "a record lies in another's place", error);
    return check_index(store, txn, TABLE_QUEUE, index_key_queue(&record), key, error) &&
           check_index(store, txn, TABLE_BY_STATE, index_key_state(&record), key, error) &&
           check_index(store, txn, TABLE_BY_DATE, index_key_date(&record), key, error) &&
           check_index(store, txn, TABLE_BY_SIZE, index_key_size(&record), key, error) &&
           check_index(store, txn, TABLE_BY_TYPE, index_key_type(&record), key, error);
}

/* Every byte of a row is read, so that pages that cannot be read are met here. */
static uint8_t touch(MDB_val value)
{
    const uint8_t *bytes = value.mv_data;
    uint8_t sum = 0;

    for (size_t i = 0; i < value.mv_size; i++)
        sum ^= bytes[i];
    return sum;
}

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
        last = key; /* stays where it is as long as the transaction */
    }
    if (rc != MDB_NOTFOUND)
        return env_fail(store, rc, "cannot read store", error);
    return n == expected || env_fail_corrupt(store, "rows are missing", error);
}

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
    /* A number that cannot be is a loop without end. */
    bool ok = stat.ms_entries <= rows_max
                  ? check_rows(store, txn, table, cursor, stat.ms_entries, error)
                  : env_fail_corrupt(store, "it has no such size", error);
    mdb_cursor_close(cursor);
    if (ok)
        *ret_rows = stat.ms_entries;
    return ok;
}

static bool check_tables(Store *store, MDB_txn *txn, size_t *ret_queued, GError **error)
{
    struct stat st;
    size_t rows[TABLES];
    int fd;

    (void)mdb_env_get_fd(store->env, &fd); /* fails only without an environment */
    if (fstat(fd, &st) != 0)
        return env_fail(store, errno, "cannot read store", error);
    for (int i = 0; i < TABLES; i++) {
        if (!check_table(store, txn, (Table)i, (size_t)st.st_size / ROW_BYTES_MIN, &rows[i], error))
            return false;
    }
    /* Each record has one row in each of these. */
    static const Table indexes[] = {TABLE_BY_STATE, TABLE_BY_DATE, TABLE_BY_SIZE, TABLE_BY_TYPE};
    for (size_t i = 0; i < G_N_ELEMENTS(indexes); i++) {
        if (rows[indexes[i]] != rows[TABLE_OBJECTS])
            return env_fail_corrupt(store, "its tables do not agree", error);
    }
    *ret_queued = rows[TABLE_QUEUE];
    return true;
}

/* ---- totals -------------------------------------------------------------------------------------
 */

typedef struct {
    StoreTotals all;     /* as the store says */
    StoreTotals counted; /* the records, or the groups of a table */
} Sums;

static bool count_record(const Record *record, void *data)
{
    group_add(&((Sums *)data)->counted, record);
    return true;
}

static bool take_all(const char *group, const StoreTotals *totals, void *data)
{
    (void)group;
    ((Sums *)data)->all = *totals;
    return true;
}

static bool add_group(const char *group, const StoreTotals *totals, void *data)
{
    (void)group;
    group_merge(&((Sums *)data)->counted, totals);
    return true;
}

/* Nothing but counters of the same type: no gaps between them. */
static bool sums_agree(const Sums *sums)
{
    return memcmp(&sums->all, &sums->counted, sizeof sums->all) == 0;
}

static bool check_totals(StoreSnapshot *snapshot, size_t queued, GError **error)
{
    const StoreFilter everything = {0};
    Sums sums = {0};

    if (!store_totals(snapshot, &everything, STORE_BY_ALL, take_all, &sums, error) ||
        !store_query(snapshot, &everything, STORE_SORT_NAME, false, 0, count_record, &sums, error))
        return false;
    bool agree = sums_agree(&sums) && sums.all.by_state[STATE_PENDING] == queued;
    for (int by = STORE_BY_TYPE; agree && by <= STORE_BY_PREFIX; by++) {
        sums.counted = (StoreTotals){0};
        if (!store_totals(snapshot, &everything, (StoreBy)by, add_group, &sums, error))
            return false;
        agree = sums_agree(&sums);
    }
    return agree || env_fail_corrupt(snapshot->store, "its totals are wrong", error);
}

static bool take_job(const StoreJob *job, void *data)
{
    (void)job;
    (void)data;
    return true;
}

/* Each can be read. */
static bool check_jobs(StoreSnapshot *snapshot, GError **error)
{
    return snapshot->store->tables[TABLE_JOBS] == TABLE_LACKING ||
           store_jobs(snapshot, take_job, NULL, error);
}

bool store_check(const char *directory, GError **error)
{
    g_autoptr(Store) store = env_open_any_schema(AT_FDCWD, directory, error);
    g_autoptr(StoreSnapshot) snapshot = store ? store_snapshot_begin(store, error) : NULL;

    size_t queued;

    return snapshot && check_tables(store, snapshot->txn, &queued, error) &&
           check_totals(snapshot, queued, error) && check_jobs(snapshot, error);
}
