/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue and its claims.
 *
 * A claim is not written at once: most invocations end before the commit, and their records then
 * change once instead of twice. Until then the row in the queue stays, and is skipped. A call that
 * reads such a record, and the commit, write the claim first.
 */
#include "tables/claims.h"

#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "tables/object_rows.h"

#include <string.h>

typedef struct {
    /* Key in `by_sequencer`. */
    uint64_t sequencer;
    uint64_t id;
    /* Key in `by_key`. */
    char key[];
} Claim;

struct Claims {
    /* Maps keys to Claim; owns the claims. */
    GHashTable *by_key;
    GHashTable *by_sequencer;
};

void claims_init(Store *store)
{
    Claims *claims = g_new(Claims, 1);

    claims->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    claims->by_sequencer = g_hash_table_new(g_int64_hash, g_int64_equal);
    store->claims = claims;
}

void claims_clear(Store *store, bool is_committed)
{
    /* The claims of a lost batch are lost too. */
    (void)is_committed;
    g_hash_table_remove_all(store->claims->by_sequencer);
    g_hash_table_remove_all(store->claims->by_key);
}

void claims_free(Store *store)
{
    g_hash_table_unref(store->claims->by_sequencer);
    g_hash_table_unref(store->claims->by_key);
    g_free(store->claims);
}

/* Adds a claim for a record that is being processed. */
static void add(Store *store, const Record *record)
{
    Claims *claims = store->claims;
    size_t len = strlen(record->key) + 1;
    Claim *claim = g_malloc(sizeof *claim + len);

    claim->sequencer = record->sequencer;
    claim->id = record->id;
    memcpy(claim->key, record->key, len);
    g_hash_table_insert(claims->by_key, claim->key, claim);
    g_hash_table_insert(claims->by_sequencer, &claim->sequencer, claim);
    store->batch_size++;
}

/* Removes a claim and returns it; NULL if there is none. Owner: the caller frees. */
static Claim *remove_claim(Store *store, const char *key)
{
    const Claims *claims = store->claims;
    Claim *claim = g_hash_table_lookup(claims->by_key, key);

    if (!claim)
        return NULL;
    g_hash_table_remove(claims->by_sequencer, &claim->sequencer);
    g_hash_table_steal(claims->by_key, claim->key);
    store->batch_size--;
    return claim;
}

bool claims_has(const Store *store, const char *key)
{
    return g_hash_table_contains(store->claims->by_key, key);
}

bool claims_remove(Store *store, const char *key)
{
    g_autofree Claim *claim = remove_claim(store, key);

    return claim != NULL;
}

/* Changes the record of a pending object to `running`. The batch must be open. */
static bool write_claim(Store *store, const char *key, GError **error)
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
    g_autofree Claim *claim = remove_claim(store, key);

    /* Opening the batch may commit a full one, which writes all claims. */
    return !claim || (batch_begin(store, error) && write_claim(store, claim->key, error));
}

bool claims_flush(Store *store, GError **error)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_remove_all(store->claims->by_sequencer);
    /* Each of these claims is counted as a change when it is written. */
    store->batch_size -= g_hash_table_size(store->claims->by_key);
    g_hash_table_iter_init(&iter, store->claims->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Claim *claim = value;
        if (!write_claim(store, claim->key, error))
            return false;
    }
    g_hash_table_remove_all(store->claims->by_key);
    return true;
}

bool store_peek(Store *store, const char *key, bool *ret_found, Record *ret_record, GError **error)
{
    return claims_write(store, key, error) &&
           objects_peek(store, key, ret_found, ret_record, error);
}

/*
 * Due time in the key of a queue row, which has priority, due time and sequencer; see
 * index_key_queue.
 */
static int64_t due_of(const MDB_val *key)
{
    return key_get_i64((const uint8_t *)key->mv_data + 1);
}

static bool is_claimed(const Claims *claims, const MDB_val *key)
{
    uint64_t sequencer = key_get_u64((const uint8_t *)key->mv_data + 9);

    return g_hash_table_contains(claims->by_sequencer, &sequencer);
}

/* Finds the first row of a priority that is not claimed. *ret_row: key of the object's record. */
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

/* Finds the first object that is due; if there is none, the time when the next one will be. */
static bool find_due(Store *store, MDB_cursor *cursor, int64_t now_us, bool *ret_found,
                     MDB_val *ret_row, int64_t *ret_next_due_us, GError **error)
{
    int64_t next_due_us = INT64_MAX;
    uint8_t last = store->holds_backfill ? PRIORITY_SCAN : PRIORITY_BACKFILL;

    for (uint8_t priority = 0; priority <= last; priority++) {
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
    batch_hold_key(store, &record);
    add(store, &record);
    record.state = STATE_RUNNING;
    *ret_record = record;
    return true;
}

bool store_has_due(Store *store, Priority priority, int64_t now_us, bool *ret_has, GError **error)
{
    MDB_cursor *cursor;
    MDB_txn *txn;
    MDB_val row;
    bool found = false;
    int64_t due_us = INT64_MAX;

    if (!view_begin(store, &txn, error))
        return false;
    int rc = mdb_cursor_open(txn, store->tables[TABLE_QUEUE], &cursor);
    bool ok = rc == 0 ? first_of(store, cursor, (uint8_t)priority, &found, &due_us, &row, error)
                      : env_fail(store, rc, "cannot read store", error);
    if (rc == 0)
        mdb_cursor_close(cursor);
    view_end(store);
    if (ok)
        *ret_has = found && due_us <= now_us;
    return ok;
}

bool store_release_claim(Store *store, const char *key, uint64_t id, GError **error)
{
    const Claim *claim = g_hash_table_lookup(store->claims->by_key, key);
    Record old;
    bool found;

    if (claim && claim->id == id)
        return claims_remove(store, key);
    if (!store_peek(store, key, &found, &old, error))
        return false;
    if (!found || old.id != id || old.state != STATE_RUNNING)
        return true;
    if (!batch_begin_for(store, &old, error))
        return false;

    Record next = old;
    next.state = STATE_PENDING;
    return objects_change(store, &old, &next, error);
}
