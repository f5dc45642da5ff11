#include "store_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Rows that the file could hold at the most: each takes a header and a byte of key. */
#define ROW_BYTES_MIN 10

static bool check_record(Store *store, MDB_val key, MDB_val value, GError **error)
{
    uint8_t row[KEY_MAX];
    Record record;

    if (!objects_decode(store, value, &record, error))
        return false;
    size_t len = key_from_object(record.key, row);
    return (len == key.mv_size && memcmp(row, key.mv_data, len) == 0) ||
           env_fail_corrupt(store, "a record lies in another's place", error);
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
        if (table == TABLE_OBJECTS && !check_record(store, key, value, error))
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

static bool check_tables(Store *store, MDB_txn *txn, GError **error)
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
    static const Table indexes[] = {TABLE_BY_STATE, TABLE_BY_DATE, TABLE_BY_SIZE};
    for (size_t i = 0; i < G_N_ELEMENTS(indexes); i++) {
        if (rows[indexes[i]] != rows[TABLE_OBJECTS])
            return env_fail_corrupt(store, "its tables do not agree", error);
    }
    return true;
}

bool store_check(const char *directory, GError **error)
{
    g_autoptr(Store) store = store_open(directory, STORE_READ, error);
    MDB_txn *txn;

    if (!store || !env_read_begin(store, &txn, error))
        return false;
    bool ok = check_tables(store, txn, error);
    mdb_txn_abort(txn);
    return ok;
}
