/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/totals.h"

#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/snapshot.h"
#include "tables/groups.h"

#include <string.h>

/*
 * Row, key: kind of totals u8, group; value: 11 counters u64, then the full name of the group (the
 * key has a hash of a long name).
 */
#define COUNTERS_LEN ((5 + STATES_END) * 8)

/* Change of one group by the batch. It is its own key in the hash table of the batch. */
typedef struct {
    ObjectTotals totals;
    StoreBy by;
    size_t len;
    char *name;
} TotalsGroup;

static guint group_hash(gconstpointer key)
{
    const TotalsGroup *group = key;
    guint hash = 5381 + (guint)group->by;

    for (size_t i = 0; i < group->len; i++)
        hash = hash * 33 + (guchar)group->name[i];
    return hash;
}

static gboolean group_equal(gconstpointer a, gconstpointer b)
{
    const TotalsGroup *left = a;
    const TotalsGroup *right = b;

    return left->by == right->by && left->len == right->len &&
           memcmp(left->name, right->name, left->len) == 0;
}

static void group_free(gpointer data)
{
    TotalsGroup *group = data;

    g_free(group->name);
    g_free(group);
}

void totals_init(Store *store)
{
    store->totals = g_hash_table_new_full(group_hash, group_equal, group_free, NULL);
}

void totals_clear(Store *store, bool is_committed)
{
    /* Changes that were written must not be added again. */
    (void)is_committed;
    g_hash_table_remove_all(store->totals);
}

void totals_free(Store *store)
{
    g_hash_table_unref(store->totals);
}

/* Returns the totals of the record's group that the batch has changed so far. */
static ObjectTotals *batch_totals(Store *store, StoreBy by, const Record *record)
{
    char name[GROUP_NAME_MAX];
    TotalsGroup wanted = {.by = by,
                          .len = group_name(record, by, record_indexed_date_us(record), name),
                          .name = name};
    TotalsGroup *group = g_hash_table_lookup(store->totals, &wanted);

    if (!group) {
        group = g_new(TotalsGroup, 1);
        *group = wanted;
        group->name = g_memdup2(name, wanted.len + 1);
        g_hash_table_add(store->totals, group);
    }
    return &group->totals;
}

void totals_change(Store *store, const Record *old, const Record *new)
{
    for (StoreBy by = 0; by < GROUPINGS; by++) {
        if (old)
            group_subtract(batch_totals(store, by, old), old);
        if (new)
            group_add(batch_totals(store, by, new), new);
    }
}

static size_t row_key(StoreBy by, const char *name, uint8_t ret_key[static KEY_MAX])
{
    ret_key[0] = (uint8_t)by;
    return 1 + key_from_name(name, KEY_MAX - 1, ret_key + 1);
}

static void row_encode(const ObjectTotals *totals, const char *name, GByteArray *buffer)
{
    g_byte_array_set_size(buffer, COUNTERS_LEN);

    Packer packer = {.data = buffer->data, .max = COUNTERS_LEN};
    pack_u64(&packer, totals->objects);
    for (size_t i = 0; i < STATES_END; i++)
        pack_u64(&packer, totals->by_state[i]);
    pack_u64(&packer, totals->damaged);
    pack_u64(&packer, totals->source_bytes);
    pack_u64(&packer, totals->thumbnails);
    pack_u64(&packer, totals->thumbnail_bytes);
    g_byte_array_append(buffer, (const guint8 *)name, (guint)strlen(name) + 1);
}

/* Decodes a row. *ret_name is borrowed from the row. */
static bool row_decode(const Store *store, MDB_val row, ObjectTotals *ret_totals,
                       const char **ret_name, GError **error)
{
    Unpacker unpacker = {.data = row.mv_data, .len = row.mv_size};

    ret_totals->objects = unpack_u64(&unpacker);
    for (size_t i = 0; i < STATES_END; i++)
        ret_totals->by_state[i] = unpack_u64(&unpacker);
    ret_totals->damaged = unpack_u64(&unpacker);
    ret_totals->source_bytes = unpack_u64(&unpacker);
    ret_totals->thumbnails = unpack_u64(&unpacker);
    ret_totals->thumbnail_bytes = unpack_u64(&unpacker);

    size_t name_len = row.mv_size - unpacker.at;
    const char *name = unpack_bytes(&unpacker, name_len);
    if (unpacker.failed || name_len == 0 || name[name_len - 1] != '\0')
        return env_fail_corrupt(store, "totals cannot be read", error);
    *ret_name = name;
    return true;
}

/* Adds what the batch has changed in a group to the group's stored totals. */
static bool flush_group(Store *store, const TotalsGroup *group, GError **error)
{
    uint8_t bytes[KEY_MAX];
    MDB_val key = {row_key(group->by, group->name, bytes), bytes};
    MDB_val value;
    ObjectTotals totals = {0};
    const char *name;
    bool found;

    if (!env_get(store, store->batch, TABLE_TOTALS, key, &found, &value, error) ||
        (found && !row_decode(store, value, &totals, &name, error)))
        return false;
    object_totals_add(&totals, &group->totals);
    if (totals.objects == 0)
        return !found || batch_delete(store, TABLE_TOTALS, key, error);
    row_encode(&totals, group->name, store->buffer);
    return batch_put(store, TABLE_TOTALS, key, (MDB_val){store->buffer->len, store->buffer->data},
                     0, error);
}

bool totals_flush(Store *store, GError **error)
{
    GHashTableIter iter;
    gpointer group;

    g_hash_table_iter_init(&iter, store->totals);
    while (g_hash_table_iter_next(&iter, &group, NULL)) {
        if (!flush_group(store, group, error))
            return false;
    }
    return true;
}

/* Reads a group as `txn` sees it; all zero if it is empty. */
static bool read_group(Store *store, MDB_txn *txn, StoreBy by, const char *group,
                       ObjectTotals *ret_totals, GError **error)
{
    uint8_t bytes[KEY_MAX];
    MDB_val key = {row_key(by, group, bytes), bytes};
    MDB_val value;
    const char *name;
    bool found;

    memset(ret_totals, 0, sizeof *ret_totals);
    return env_get(store, txn, TABLE_TOTALS, key, &found, &value, error) &&
           (!found || row_decode(store, value, ret_totals, &name, error));
}

bool totals_objects(StoreSnapshot *snapshot, StoreBy by, const char *group, uint64_t *ret_objects,
                    GError **error)
{
    ObjectTotals totals;

    if (!read_group(snapshot->store, snapshot->txn, by, group, &totals, error))
        return false;
    *ret_objects = totals.objects;
    return true;
}

bool totals_state(Store *store, MDB_txn *txn, ObjectState state, uint64_t *ret_objects,
                  GError **error)
{
    ObjectTotals totals;

    if (!read_group(store, txn, STORE_BY_ALL, "", &totals, error))
        return false;
    *ret_objects = totals.by_state[state];
    return true;
}

bool totals_count_days(StoreSnapshot *snapshot, const int64_t *since_us, const int64_t *until_us,
                       unsigned max_days, uint64_t *ret_objects, GError **error)
{
    Store *store = snapshot->store;
    char first[GROUP_DAY_LEN + 1] = "";
    char last[GROUP_DAY_LEN + 1] = "9999-12-31";
    uint8_t bytes[KEY_MAX];
    uint64_t objects = 0;
    MDB_val value;
    MDB_cursor *cursor;
    bool ok = true;

    if (since_us)
        group_day(*since_us, first);
    if (until_us)
        group_day(*until_us, last);

    MDB_val key = {row_key(STORE_BY_DAY, first, bytes), bytes};
    if (!env_cursor(store, snapshot->txn, TABLE_TOTALS, &cursor, error))
        return false;
    if (!cursor) {
        *ret_objects = 0;
        return true;
    }
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; rc == 0 && max_days > 0; max_days--) {
        ObjectTotals totals;
        const char *name;
        ok = row_decode(store, value, &totals, &name, error);
        if (!ok || *(const uint8_t *)key.mv_data != STORE_BY_DAY || strcmp(name, last) > 0)
            break;
        objects += totals.objects;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (!ok || (rc != 0 && rc != MDB_NOTFOUND))
        return ok && env_fail(store, rc, "cannot read store", error);
    if (max_days > 0)
        *ret_objects = objects;
    return true;
}

/* Calls `visit` with the totals of each group of one kind, until it returns false. */
static bool read_totals(StoreSnapshot *snapshot, MDB_cursor *cursor, StoreBy by,
                        StoreVisitGroup visit, void *data, GError **error)
{
    uint8_t first = (uint8_t)by;
    MDB_val key = {1, &first};
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    for (; rc == 0 && *(const uint8_t *)key.mv_data == by;
         rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        ObjectTotals totals;
        const char *name;
        if (!row_decode(snapshot->store, value, &totals, &name, error))
            return false;
        if (!visit(name, &totals, data))
            return true;
    }
    return rc == 0 || rc == MDB_NOTFOUND ||
           env_fail(snapshot->store, rc, "cannot read store", error);
}

bool totals_walk(StoreSnapshot *snapshot, StoreBy by, StoreVisitGroup visit, void *data,
                 GError **error)
{
    MDB_cursor *cursor;

    if (!env_cursor(snapshot->store, snapshot->txn, TABLE_TOTALS, &cursor, error))
        return false;
    if (!cursor)
        return true;
    bool ok = read_totals(snapshot, cursor, by, visit, data, error);
    mdb_cursor_close(cursor);
    return ok;
}
