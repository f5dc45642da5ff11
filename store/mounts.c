/* SPDX-License-Identifier: Apache-2.0 */
#include "mounts.h"

#include "pack.h"
#include "store_internal.h"

#include <string.h>

/*
 * meta: key: "mount:" and the id u32; value: identity u64, under u32, flags u8, since i64, objects
 * u64, path.
 */
#define PREFIX     "mount:"
#define PREFIX_LEN (sizeof PREFIX - 1)
#define KEY_LEN    (PREFIX_LEN + 4)
#define ROW_MAX    (8 + 4 + 1 + 8 + 8 + 2 + OBJECT_KEY_MAX)

enum {
    FLAG_PRESENT = 1 << 0,
    FLAG_COVER = 1 << 1,
    FLAGS_ALL = (1 << 2) - 1,
};

typedef struct {
    uint32_t id;
    char *path;        /* key of the place where it is, or was, mounted */
    uint64_t identity; /* of what is mounted */
    bool is_present;
    /*
     * Not a mount, but what a mount at `path` hides of the mount `under` (0: of the bucket's own
     * file system).
     */
    bool is_cover;
    uint32_t under;
    int64_t since_us; /* wall clock: present, or away */
    uint64_t objects;
    int64_t added; /* to `objects` by the batch */
    bool is_dirty;
} Row;

struct Mounts {
    GPtrArray *rows; /* Row, owned */
    unsigned n_present;
    uint32_t last_id;
    bool is_changed; /* by the batch */
};

static void row_free(gpointer data)
{
    Row *row = data;

    g_free(row->path);
    g_free(row);
}

Mounts *mounts_new(void)
{
    Mounts *mounts = g_new0(Mounts, 1);

    mounts->rows = g_ptr_array_new_with_free_func(row_free);
    return mounts;
}

void mounts_free(Mounts *mounts)
{
    g_ptr_array_unref(mounts->rows);
    g_free(mounts);
}

/* ---- looking ------------------------------------------------------------------------------------
 */

static Row *row_at(const Mounts *mounts, guint i)
{
    return g_ptr_array_index(mounts->rows, i);
}

/* There are as many rows as there have been mounts: a handful. */
static Row *find_row(const Mounts *mounts, uint32_t id)
{
    for (guint i = 0; i < mounts->rows->len; i++) {
        if (row_at(mounts, i)->id == id)
            return row_at(mounts, i);
    }
    return NULL;
}

/* The innermost mount that is present and holds `key`; NULL for none. */
static const Row *innermost(const Mounts *mounts, const char *key)
{
    const Row *found = NULL;

    for (guint i = 0; mounts->n_present > 0 && i < mounts->rows->len; i++) {
        const Row *row = row_at(mounts, i);
        if (row->is_present && object_key_is_below(key, row->path) &&
            (!found || strlen(row->path) > strlen(found->path)))
            found = row;
    }
    return found;
}

uint32_t mounts_of(const Mounts *mounts, const char *key)
{
    const Row *row = innermost(mounts, key);

    return row ? row->id : 0;
}

/* The mount that the object was seen on. */
static uint32_t seen_on(const Mounts *mounts, uint32_t id)
{
    const Row *row = id != 0 ? find_row(mounts, id) : NULL;

    return row && row->is_cover ? row->under : id;
}

bool mounts_is_away(const Mounts *mounts, const Record *record)
{
    if (record->mount == 0 && mounts->n_present == 0)
        return false;
    return seen_on(mounts, record->mount) != mounts_of(mounts, record->key);
}

static bool row_is_away(const Mounts *mounts, const Row *row)
{
    return row->is_cover ? mounts_of(mounts, row->path) != row->under : !row->is_present;
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

static MDB_val row_key(uint32_t id, uint8_t bytes[static KEY_LEN])
{
    memcpy(bytes, PREFIX, PREFIX_LEN);
    (void)key_put_u32(bytes + PREFIX_LEN, id);
    return (MDB_val){KEY_LEN, bytes};
}

static bool put_row(Store *store, const Row *row, GError **error)
{
    g_autofree uint8_t *bytes = g_malloc(ROW_MAX);
    uint8_t key[KEY_LEN];
    Packer packer = {.data = bytes, .max = ROW_MAX};

    pack_u64(&packer, row->identity);
    pack_u32(&packer, row->under);
    pack_u8(&packer, (row->is_present ? FLAG_PRESENT : 0) | (row->is_cover ? FLAG_COVER : 0));
    pack_i64(&packer, row->since_us);
    pack_u64(&packer, row->objects + (uint64_t)row->added);
    pack_text(&packer, row->path);
    return batch_put(store, TABLE_META, row_key(row->id, key), (MDB_val){packer.len, bytes}, 0,
                     error);
}

static Row *read_row(MDB_val key, MDB_val value)
{
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    char path[OBJECT_KEY_MAX + 1];
    Row row = {0};

    if (key.mv_size != KEY_LEN)
        return NULL;
    row.id = key_get_u32((const uint8_t *)key.mv_data + PREFIX_LEN);
    row.identity = unpack_u64(&unpacker);
    row.under = unpack_u32(&unpacker);
    unsigned flags = unpack_u8(&unpacker);
    row.is_present = flags & FLAG_PRESENT;
    row.is_cover = flags & FLAG_COVER;
    row.since_us = unpack_i64(&unpacker);
    row.objects = unpack_u64(&unpacker);
    unpack_text(&unpacker, path, sizeof path);
    if (unpacker.failed || unpacker.at != unpacker.len || flags > FLAGS_ALL ||
        !object_key_is_valid(path))
        return NULL;
    row.path = g_strdup(path);
    return g_memdup2(&row, sizeof row);
}

static void forget_all(Mounts *mounts)
{
    g_ptr_array_set_size(mounts->rows, 0);
    mounts->n_present = 0;
    mounts->last_id = 0;
    mounts->is_changed = false;
}

static void add_row(Mounts *mounts, Row *row)
{
    g_ptr_array_add(mounts->rows, row);
    mounts->n_present += row->is_present;
    mounts->last_id = MAX(mounts->last_id, row->id);
}

bool mounts_load(Store *store, MDB_txn *txn, GError **error)
{
    Mounts *mounts = store->mounts;
    MDB_val key = {PREFIX_LEN, (void *)PREFIX};
    MDB_val value;
    MDB_cursor *cursor;
    bool ok = true;

    forget_all(mounts);
    int rc = mdb_cursor_open(txn, store->tables[TABLE_META], &cursor);
    if (rc != 0)
        return env_fail(store, rc, "cannot read store", error);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (rc == 0 && key.mv_size > PREFIX_LEN && memcmp(key.mv_data, PREFIX, PREFIX_LEN) == 0) {
        Row *row = read_row(key, value);
        ok = row || env_fail_corrupt(store, "what is known of a mount cannot be read", error);
        if (!ok)
            break;
        add_row(mounts, row);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return ok && (rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error));
}

/* ---- changing -----------------------------------------------------------------------------------
 */

static void count(Mounts *mounts, uint32_t id, int n)
{
    Row *row = find_row(mounts, id);

    if (!row)
        return;
    row->added += n;
    row->is_dirty = true;
    mounts->is_changed = true;
}

void mounts_change(Mounts *mounts, const Record *old, const Record *new)
{
    uint32_t was = old ? old->mount : 0;
    uint32_t is = new ? new->mount : 0;

    if (was == is)
        return;
    if (was != 0)
        count(mounts, was, -1);
    if (is != 0)
        count(mounts, is, 1);
}

/* Of what is not there, a row is kept for its objects only. */
static bool is_kept(const Row *row)
{
    return (row->is_present && !row->is_cover) || row->objects + (uint64_t)row->added > 0;
}

bool mounts_flush(Store *store, GError **error)
{
    Mounts *mounts = store->mounts;
    uint8_t key[KEY_LEN];

    if (!mounts->is_changed)
        return true;
    for (guint i = 0; i < mounts->rows->len; i++) {
        Row *row = row_at(mounts, i);
        if (row->is_dirty && !put_row(store, row, error))
            return false;
        row->objects += (uint64_t)row->added;
        row->added = 0;
        row->is_dirty = false;
    }
    for (guint i = mounts->rows->len; i-- > 0;) {
        const Row *row = row_at(mounts, i);
        if (is_kept(row))
            continue;
        if (!batch_delete(store, TABLE_META, row_key(row->id, key), error))
            return false;
        (void)g_ptr_array_remove_index(mounts->rows, i);
    }
    return true;
}

void mounts_settle(Store *store, bool committed)
{
    Mounts *mounts = store->mounts;
    MDB_txn *txn;

    if (!mounts->is_changed)
        return;
    mounts->is_changed = false;
    if (committed)
        return;
    forget_all(mounts);
    /* If it cannot be read now, the caller opens it anew. */
    if (!env_read_begin(store, &txn, NULL))
        return;
    (void)mounts_load(store, txn, NULL);
    mdb_txn_abort(txn);
}

static Row *new_row(Mounts *mounts, const char *path, int64_t now_us)
{
    Row *row = g_new0(Row, 1);

    row->id = mounts->last_id + 1;
    row->path = g_strdup(path);
    row->since_us = now_us;
    row->is_dirty = true;
    add_row(mounts, row);
    mounts->is_changed = true;
    return row;
}

static Row *find_mount(const Mounts *mounts, const StoreMountPoint *point)
{
    for (guint i = 0; i < mounts->rows->len; i++) {
        Row *row = row_at(mounts, i);
        if (!row->is_cover && row->identity == point->identity && !strcmp(row->path, point->path))
            return row;
    }
    return NULL;
}

static bool is_among(const Row *row, const StoreMountPoint *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (row->identity == points[i].identity && !strcmp(row->path, points[i].path))
            return true;
    }
    return false;
}

/* True if the rows say already what is mounted. */
static bool is_known(const Mounts *mounts, const StoreMountPoint *points, size_t n)
{
    if (mounts->n_present != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const Row *row = find_mount(mounts, &points[i]);
        if (!row || !row->is_present)
            return false;
    }
    return true;
}

static void set_present(Mounts *mounts, Row *row, bool is_present, int64_t now_us)
{
    row->is_present = is_present;
    row->since_us = now_us;
    row->is_dirty = true;
    mounts->is_changed = true;
    if (is_present)
        mounts->n_present++;
    else
        mounts->n_present--;
}

static void describe(const Mounts *mounts, const Row *row, StoreMount *ret_mount)
{
    *ret_mount = (StoreMount){.path = row->path,
                              .is_away = row_is_away(mounts, row),
                              .since_us = row->since_us,
                              .objects = row->objects + (uint64_t)row->added};
}

bool store_set_mounts(Store *store, const StoreMountPoint *points, size_t n, int64_t now_us,
                      StoreVisitMount changed, void *data, GError **error)
{
    Mounts *mounts = store->mounts;
    StoreMount mount;

    if (is_known(mounts, points, n))
        return true;
    if (!batch_begin(store, error))
        return false;
    for (guint i = 0; i < mounts->rows->len; i++) {
        Row *row = row_at(mounts, i);
        if (!row->is_present || is_among(row, points, n))
            continue;
        set_present(mounts, row, false, now_us);
        describe(mounts, row, &mount);
        changed(&mount, data);
    }
    for (size_t i = 0; i < n; i++) {
        Row *row = find_mount(mounts, &points[i]);
        if (row && row->is_present)
            continue;
        if (!row)
            row = new_row(mounts, points[i].path, now_us);
        row->identity = points[i].identity;
        set_present(mounts, row, true, now_us);
        describe(mounts, row, &mount);
        changed(&mount, data);
    }
    store->batch_size++;
    return true;
}

/* ---- objects that a mount hides -----------------------------------------------------------------
 */

static Row *find_cover(const Mounts *mounts, const char *path, uint32_t under)
{
    for (guint i = 0; i < mounts->rows->len; i++) {
        Row *row = row_at(mounts, i);
        if (row->is_cover && row->under == under && !strcmp(row->path, path))
            return row;
    }
    return NULL;
}

bool store_note_hidden(Store *store, const char *key, int64_t now_us, GError **error)
{
    Mounts *mounts = store->mounts;
    const Row *over = innermost(mounts, key);
    Record old;
    bool found;

    if (!over || !store_peek(store, key, &found, &old, error))
        return !over;
    const Row *own = find_row(mounts, old.mount);
    /* What is away by itself, or has been noted, is counted as it is. */
    if (!found || !old.away || (own && (own->is_cover || !own->is_present)))
        return true;
    if (!batch_begin_for(store, key, error))
        return false;
    old.key = store->key;
    Row *cover = find_cover(mounts, over->path, old.mount);
    if (!cover) {
        cover = new_row(mounts, over->path, now_us);
        cover->is_cover = true;
        cover->under = old.mount;
    }

    Record next = old;
    next.mount = cover->id;
    return objects_change(store, &old, &next, error);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

void store_mounts(StoreSnapshot *snapshot, StoreVisitMount visit, void *data)
{
    const Mounts *mounts = snapshot->store->mounts;

    for (guint i = 0; i < mounts->rows->len; i++) {
        StoreMount mount;
        describe(mounts, row_at(mounts, i), &mount);
        visit(&mount, data);
    }
}

static bool count_away(const Record *record, void *data)
{
    *(uint64_t *)data += record->away;
    return true;
}

bool store_away(StoreSnapshot *snapshot, const StoreFilter *filter, uint64_t *ret_objects,
                GError **error)
{
    const Mounts *mounts = snapshot->store->mounts;
    uint64_t objects = 0;

    if (!store_filter_is_empty(filter) && mounts->rows->len > 0) {
        if (!query_walk(snapshot, filter, count_away, &objects, error))
            return false;
    } else if (store_filter_is_empty(filter)) {
        for (guint i = 0; i < mounts->rows->len; i++) {
            const Row *row = row_at(mounts, i);
            if (row_is_away(mounts, row))
                objects += row->objects + (uint64_t)row->added;
        }
    }
    *ret_objects = objects;
    return true;
}

bool store_mounts_are(StoreSnapshot *snapshot, const StoreMountPoint *points, size_t n)
{
    return is_known(snapshot->store->mounts, points, n);
}
