/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue, and what has been taken from it.
 *
 * That a record is running is not written down at once: most invocations have ended before the
 * commit, and their records then change once instead of twice. Until then the row in the queue
 * stays, and is passed over. Whoever looks at such a record, and the commit, has it written first.
 */
#include "store_internal.h"

#include <string.h>

typedef struct {
    uint64_t sequencer; /* its key in `by_sequencer` */
    uint64_t id;
    char key[]; /* its key in `by_key` */
} Claim;

struct Claims {
    GHashTable *by_key; /* Claim, owned */
    GHashTable *by_sequencer;
};

Claims *claims_new(void)
{
    Claims *claims = g_new(Claims, 1);

    claims->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    claims->by_sequencer = g_hash_table_new(g_int64_hash, g_int64_equal);
    return claims;
}

void claims_clear(Claims *claims)
{
    g_hash_table_remove_all(claims->by_sequencer);
    g_hash_table_remove_all(claims->by_key);
}

void claims_free(Claims *claims)
{
    g_hash_table_unref(claims->by_sequencer);
    g_hash_table_unref(claims->by_key);
    g_free(claims);
}

size_t claims_count(const Claims *claims)
{
    return g_hash_table_size(claims->by_key);
}

static void add(Claims *claims, const Record *record)
{
    size_t len = strlen(record->key) + 1;
    Claim *claim = g_malloc(sizeof *claim + len);

    claim->sequencer = record->sequencer;
    claim->id = record->id;
    memcpy(claim->key, record->key, len);
    g_hash_table_insert(claims->by_key, claim->key, claim);
    g_hash_table_insert(claims->by_sequencer, &claim->sequencer, claim);
}

/* The claim is the caller's; NULL if there is none. */
static Claim *take(Claims *claims, const char *key)
{
    Claim *claim = g_hash_table_lookup(claims->by_key, key);

    if (!claim)
        return NULL;
    g_hash_table_remove(claims->by_sequencer, &claim->sequencer);
    g_hash_table_steal(claims->by_key, claim->key);
    return claim;
}

bool claims_has(const Claims *claims, const char *key)
{
    return g_hash_table_contains(claims->by_key, key);
}

bool claims_take(Store *store, const char *key)
{
    g_autofree Claim *claim = take(store->claims, key);

    return claim != NULL;
}

/* ---- writing them down --------------------------------------------------------------------------
 */

/* The batch is open. */
static bool write_down(Store *store, const char *key, GError **error)
{
    Record old;
    bool found;

    if (!objects_get(store, store->batch, key, &found, &old, error))
        return false;
    if (!found || old.state != STATE_PENDING)
        return env_fail_corrupt(store, "its tables do not agree", error);
    old.key = key;

    Record next = old;
    next.state = STATE_RUNNING;
    return objects_change(store, &old, &next, error);
}

bool claims_write(Store *store, const char *key, GError **error)
{
    g_autofree Claim *claim = take(store->claims, key);

    /* Opening the batch may commit one that is full, and write all others. */
    return !claim || (batch_begin(store, error) && write_down(store, claim->key, error));
}

bool claims_write_all(Store *store, GError **error)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_remove_all(store->claims->by_sequencer);
    g_hash_table_iter_init(&iter, store->claims->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Claim *claim = value;
        if (!write_down(store, claim->key, error))
            return false;
    }
    g_hash_table_remove_all(store->claims->by_key);
    return true;
}

/* ---- the queue ----------------------------------------------------------------------------------
 */

/* The priority, due time and sequencer of a row; see index_key_queue. */
static int64_t due_of(const MDB_val *key)
{
    return key_get_i64((const uint8_t *)key->mv_data + 1);
}

static bool is_claimed(const Claims *claims, const MDB_val *key)
{
    uint64_t sequencer = key_get_u64((const uint8_t *)key->mv_data + 9);

    return g_hash_table_contains(claims->by_sequencer, &sequencer);
}

/* The first row of a priority that is not claimed. *ret_row: the key of its object's row. */
static bool first_of(Store *store, MDB_cursor *cursor, uint8_t priority, bool *ret_found,
                     int64_t *ret_due_us, MDB_val *ret_row, GError **error)
{
    MDB_val key = {1, &priority};
    int rc = mdb_cursor_get(cursor, &key, ret_row, MDB_SET_RANGE);

    while (rc == 0 && *(const uint8_t *)key.mv_data == priority && is_claimed(store->claims, &key))
        rc = mdb_cursor_get(cursor, &key, ret_row, MDB_NEXT);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return env_fail(store, rc, "cannot read store", error);
    *ret_found = rc == 0 && *(const uint8_t *)key.mv_data == priority;
    if (*ret_found)
        *ret_due_us = due_of(&key);
    return true;
}

/* Looks for the first that is due, and when there is none for the time when one will be. */
static bool find_due(Store *store, MDB_cursor *cursor, int64_t now_us, bool *ret_found,
                     MDB_val *ret_row, int64_t *ret_next_due_us, GError **error)
{
    int64_t next_due_us = INT64_MAX;

    for (uint8_t priority = 0; priority <= PRIORITY_BACKFILL; priority++) {
        bool found = false;
        int64_t due_us = INT64_MAX;
        if (!first_of(store, cursor, priority, &found, &due_us, ret_row, error))
            return false;
        if (found && due_us <= now_us) {
            *ret_found = true;
            return true;
        }
        if (found)
            next_due_us = MIN(next_due_us, due_us);
    }
    *ret_found = false;
    *ret_next_due_us = next_due_us;
    return true;
}

static bool read_due(Store *store, MDB_txn *txn, int64_t now_us, bool *ret_found,
                     Record *ret_record, int64_t *ret_next_due_us, GError **error)
{
    MDB_cursor *cursor;
    MDB_val row;
    int rc = mdb_cursor_open(txn, store->tables[TABLE_QUEUE], &cursor);

    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    bool ok = find_due(store, cursor, now_us, ret_found, &row, ret_next_due_us, error) &&
              (!*ret_found || objects_get_row(store, txn, row, ret_record, error));
    mdb_cursor_close(cursor);
    return ok;
}

bool store_claim(Store *store, int64_t now_us, bool *ret_found, Record *ret_record,
                 int64_t *ret_next_due_us, GError **error)
{
    Record record;
    MDB_txn *txn;
    bool found = false;

    if (!view_begin(store, &txn, error))
        return false;
    bool ok = read_due(store, txn, now_us, &found, &record, ret_next_due_us, error);
    view_end(store);
    if (!ok)
        return false;
    *ret_found = found;
    if (!found)
        return true;
    if (record.state != STATE_PENDING)
        return env_fail_corrupt(store, "its tables do not agree", error);
    memmove(store->key, record.key, strlen(record.key) + 1);
    record.key = store->key;
    add(store->claims, &record);
    record.state = STATE_RUNNING;
    *ret_record = record;
    return true;
}

bool store_unclaim(Store *store, const char *key, uint64_t id, GError **error)
{
    const Claim *claim = g_hash_table_lookup(store->claims->by_key, key);
    Record old;
    bool found;

    if (claim && claim->id == id)
        return claims_take(store, key);
    if (!store_peek(store, key, &found, &old, error))
        return false;
    if (!found || old.id != id || old.state != STATE_RUNNING)
        return true;
    if (!batch_begin_for(store, key, error))
        return false;
    old.key = store->key;

    Record next = old;
    next.state = STATE_PENDING;
    return objects_change(store, &old, &next, error);
}
