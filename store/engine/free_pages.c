/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/free_pages.h"

#include <string.h>

/* LMDB's table of free pages: transaction -> number of pages, then the pages, the last one first.
 */
#define FREE_LIST ((MDB_dbi)0)

/* The first pages describe the file: one of them names the roots of the last commit. */
#define META_PAGES 2

/* Adds the pages of a row to `seen`, which has a bit for each page up to `last_page`. */
static bool add_row(MDB_val value, size_t last_page, uint8_t *seen, size_t *total)
{
    const char *bytes = value.mv_data;
    size_t n, page, before = last_page + 1;

    if (value.mv_size < sizeof n)
        return false;
    memcpy(&n, bytes, sizeof n);
    if (n > value.mv_size / sizeof page - 1)
        return false;
    for (size_t i = 1; i <= n; i++, before = page) {
        /* The value need not be aligned. */
        memcpy(&page, bytes + i * sizeof page, sizeof page);
        if (page < META_PAGES || page >= before || seen[page / 8] & 1u << page % 8)
            return false;
        seen[page / 8] |= (uint8_t)(1u << page % 8);
    }
    *total += n;
    return true;
}

bool free_pages_count(Store *store, MDB_txn *txn, size_t *ret_pages, GError **error)
{
    MDB_envinfo info;
    MDB_cursor *cursor;
    MDB_val key, value;
    size_t total = 0;
    bool ok = true;
    int rc = mdb_cursor_open(txn, FREE_LIST, &cursor);

    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    /* This fails only without an environment. */
    (void)mdb_env_info(store->env, &info);
    g_autofree uint8_t *seen = g_malloc0(info.me_last_pgno / 8 + 1);
    while (ok && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        ok = add_row(value, info.me_last_pgno, seen, &total);
    mdb_cursor_close(cursor);
    *ret_pages = total;
    if (!ok)
        return env_fail_corrupt(store, "its list of free pages is wrong", error);
    return rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error);
}
