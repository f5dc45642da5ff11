/* SPDX-License-Identifier: Apache-2.0 */
#include "tables/mounts.h"

#include "base/pack.h"
#include "engine/batch.h"
#include "engine/env.h"
#include "engine/keys.h"
#include "engine/snapshot.h"

#include <string.h>

/*
 * Table meta, key: "mount:" and the id u32; value: identity u64, under u32, flags u8, since i64,
 * objects u64, path.
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
    /* Key of the mount's place. */
    char *path;
    /* Identity of the file system. */
    uint64_t identity;
    bool is_present;
    /*
     * True for a row that is no mount, but counts the objects that a mount at `path` hides on the
     * mount `under` (0: the file system of the bucket itself).
     */
    bool is_cover;
    uint32_t under;
    /* Wall clock: since when the mount is present, or away. */
    int64_t since_us;
    uint64_t objects;
    /* Change of `objects` by the batch. */
    int64_t added;
    bool is_dirty;
} MountRow;

struct Mounts {
    /* Array of MountRow, owned. */
    GPtrArray *rows;
    unsigned n_present;
    uint32_t last_id;
    /* Changed by the batch. */
    bool is_changed;
};

static void row_free(gpointer data)
{
    MountRow *row = data;

    g_free(row->path);
    g_free(row);
}

void mounts_init(Store *store)
{
    store->mounts = g_new0(Mounts, 1);
    store->mounts->rows = g_ptr_array_new_with_free_func(row_free);
}

void mounts_free(Store *store)
{
    g_ptr_array_unref(store->mounts->rows);
    g_free(store->mounts);
}

static MountRow *row_at(const Mounts *mounts, guint i)
{
    return g_ptr_array_index(mounts->rows, i);
}

/* There is one row per mount, a handful in all. */
static MountRow *find_row(const Mounts *mounts, uint32_t id)
{
    for (guint i = 0; i < mounts->rows->len; i++) {
        if (row_at(mounts, i)->id == id)
            return row_at(mounts, i);
    }
    return NULL;
}

/* Finds the innermost present mount that contains `key`; NULL if there is none. */
static const MountRow *innermost(const Mounts *mounts, const char *key)
{
    const MountRow *found = NULL;

    for (guint i = 0; mounts->n_present > 0 && i < mounts->rows->len; i++) {
        const MountRow *row = row_at(mounts, i);
        if (row->is_present && object_key_is_below(key, row->path) &&
            (!found || strlen(row->path) > strlen(found->path)))
            found = row;
    }
    return found;
}

uint32_t mounts_of(const Mounts *mounts, const char *key)
{
    const MountRow *row = innermost(mounts, key);

    return row ? row->id : 0;
}

/* Returns the mount that an object was seen on, also if another mount hides it now. */
static uint32_t seen_on(const Mounts *mounts, uint32_t id)
{
    const MountRow *row = id != 0 ? find_row(mounts, id) : NULL;

    return row && row->is_cover ? row->under : id;
}

bool mounts_is_away(const Mounts *mounts, const Record *record)
{
    if (record->mount == 0 && mounts->n_present == 0)
        return false;
    return seen_on(mounts, record->mount) != mounts_of(mounts, record->key);
}

static bool row_is_away(const Mounts *mounts, const MountRow *row)
{
    return row->is_cover ? mounts_of(mounts, row->path) != row->under : !row->is_present;
}

static MDB_val row_key(uint32_t id, uint8_t bytes[static KEY_LEN])
{
    memcpy(bytes, PREFIX, PREFIX_LEN);
    (void)key_put_u32(bytes + PREFIX_LEN, id);
    return (MDB_val){KEY_LEN, bytes};
}

static bool put_row(Store *store, const MountRow *row, GError **error)
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

/* Decodes the row of a mount. Returns NULL if it is invalid. */
static MountRow *read_row(MDB_val key, MDB_val value)
{
    Unpacker unpacker = {.data = value.mv_data, .len = value.mv_size};
    char path[OBJECT_KEY_MAX + 1];
    MountRow row = {0};

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

static void add_row(Mounts *mounts, MountRow *row)
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
        MountRow *row = read_row(key, value);
        if (!row) {
            ok = env_fail_corrupt(store, "the row of a mount cannot be read", error);
            break;
        }
        add_row(mounts, row);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return ok && (rc == 0 || rc == MDB_NOTFOUND || env_fail(store, rc, "cannot read store", error));
}

/* Adds `n`, which may be negative, to the number of objects of a mount. */
static void count(Mounts *mounts, uint32_t id, int n)
{
    MountRow *row = find_row(mounts, id);

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

/* True if the row is to be stored: the row of an absent mount is kept only while it has objects. */
static bool is_kept(const MountRow *row)
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
        MountRow *row = row_at(mounts, i);
        if (row->is_dirty && !put_row(store, row, error))
            return false;
        row->objects += (uint64_t)row->added;
        row->added = 0;
        row->is_dirty = false;
    }
    for (guint i = mounts->rows->len; i-- > 0;) {
        const MountRow *row = row_at(mounts, i);
        if (is_kept(row))
            continue;
        if (!batch_delete(store, TABLE_META, row_key(row->id, key), error))
            return false;
        (void)g_ptr_array_remove_index(mounts->rows, i);
    }
    return true;
}

void mounts_clear(Store *store, bool is_committed)
{
    Mounts *mounts = store->mounts;
    MDB_txn *txn;

    if (!mounts->is_changed)
        return;
    mounts->is_changed = false;
    if (is_committed)
        return;
    forget_all(mounts);
    /* If the table cannot be read now, the caller opens the store again. */
    if (!env_read_begin(store, &txn, NULL))
        return;
    (void)mounts_load(store, txn, NULL);
    mdb_txn_abort(txn);
}

static MountRow *new_row(Mounts *mounts, const char *path, int64_t now_us)
{
    MountRow *row = g_new0(MountRow, 1);

    row->id = mounts->last_id + 1;
    row->path = g_strdup(path);
    row->since_us = now_us;
    row->is_dirty = true;
    add_row(mounts, row);
    mounts->is_changed = true;
    return row;
}

/* Finds the mount of the same file system at the same folder; NULL if it is not known. */
static MountRow *find_mount(const Mounts *mounts, const StoreMountPoint *point)
{
    for (guint i = 0; i < mounts->rows->len; i++) {
        MountRow *row = row_at(mounts, i);
        if (!row->is_cover && row->identity == point->identity && !strcmp(row->path, point->path))
            return row;
    }
    return NULL;
}

static bool is_among(const MountRow *row, const StoreMountPoint *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (row->identity == points[i].identity && !strcmp(row->path, points[i].path))
            return true;
    }
    return false;
}

/* True if the rows already describe the present mounts. */
static bool is_known(const Mounts *mounts, const StoreMountPoint *points, size_t n)
{
    if (mounts->n_present != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const MountRow *row = find_mount(mounts, &points[i]);
        if (!row || !row->is_present)
            return false;
    }
    return true;
}

static void set_present(Mounts *mounts, MountRow *row, bool is_present, int64_t now_us)
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

/* Describes a row for callers outside of the store. */
static void describe(const Mounts *mounts, const MountRow *row, StoreMount *ret_mount)
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
        MountRow *row = row_at(mounts, i);
        if (!row->is_present || is_among(row, points, n))
            continue;
        set_present(mounts, row, false, now_us);
        describe(mounts, row, &mount);
        changed(&mount, data);
    }
    for (size_t i = 0; i < n; i++) {
        MountRow *row = find_mount(mounts, &points[i]);
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

static MountRow *find_cover(const Mounts *mounts, const char *path, uint32_t under)
{
    for (guint i = 0; i < mounts->rows->len; i++) {
        MountRow *row = row_at(mounts, i);
        if (row->is_cover && row->under == under && !strcmp(row->path, path))
            return row;
    }
    return NULL;
}

bool mounts_hides(const Mounts *mounts, const Record *record)
{
    const MountRow *own = find_row(mounts, record->mount);

    return record->away && !(own && (own->is_cover || !own->is_present));
}

uint32_t mounts_cover(Mounts *mounts, const Record *record, int64_t now_us)
{
    const MountRow *over = innermost(mounts, record->key);
    g_assert(over);
    MountRow *cover = find_cover(mounts, over->path, record->mount);

    if (!cover) {
        cover = new_row(mounts, over->path, now_us);
        cover->is_cover = true;
        cover->under = record->mount;
    }
    return cover->id;
}

void store_mounts(StoreSnapshot *snapshot, StoreVisitMount visit, void *data)
{
    const Mounts *mounts = snapshot->store->mounts;

    for (guint i = 0; i < mounts->rows->len; i++) {
        StoreMount mount;
        describe(mounts, row_at(mounts, i), &mount);
        visit(&mount, data);
    }
}

bool mounts_is_empty(const Mounts *mounts)
{
    return mounts->rows->len == 0;
}

uint64_t mounts_count_away(const Mounts *mounts)
{
    uint64_t objects = 0;

    for (guint i = 0; i < mounts->rows->len; i++) {
        const MountRow *row = row_at(mounts, i);
        if (row_is_away(mounts, row))
            objects += row->objects + (uint64_t)row->added;
    }
    return objects;
}

bool store_mounts_are(StoreSnapshot *snapshot, const StoreMountPoint *points, size_t n)
{
    return is_known(snapshot->store->mounts, points, n);
}
