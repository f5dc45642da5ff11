/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/reserved.h"

#include <stdint.h>

typedef struct {
    dev_t device;
    ino_t inode;
} FolderId;

struct Reserved {
    gatomicrefcount n_refs;
    GRWLock lock;
    /* FolderId -> ReservedKind. */
    GHashTable *list;
};

static guint hash_id(const void *key)
{
    const FolderId *id = key;
    const uint64_t mixed =
        ((uint64_t)id->device << 32 ^ id->inode) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

    return (guint)(mixed >> 32);
}

static gboolean is_equal(const void *a, const void *b)
{
    const FolderId *first = a, *second = b;

    return first->device == second->device && first->inode == second->inode;
}

GHashTable *reserved_list_new(void)
{
    return g_hash_table_new_full(hash_id, is_equal, g_free, NULL);
}

void reserved_list_add(GHashTable *list, const struct stat *st, ReservedKind kind)
{
    FolderId *id = g_new(FolderId, 1);

    *id = (FolderId){st->st_dev, st->st_ino};
    if (GPOINTER_TO_INT(g_hash_table_lookup(list, id)) < (int)kind)
        g_hash_table_replace(list, id, GINT_TO_POINTER(kind));
    else
        g_free(id);
}

Reserved *reserved_new(void)
{
    Reserved *reserved = g_new0(Reserved, 1);

    g_atomic_ref_count_init(&reserved->n_refs);
    g_rw_lock_init(&reserved->lock);
    reserved->list = reserved_list_new();
    return reserved;
}

Reserved *reserved_ref(Reserved *reserved)
{
    g_atomic_ref_count_inc(&reserved->n_refs);
    return reserved;
}

void reserved_unref(Reserved *reserved)
{
    if (!reserved || !g_atomic_ref_count_dec(&reserved->n_refs))
        return;
    g_hash_table_unref(reserved->list);
    g_rw_lock_clear(&reserved->lock);
    g_free(reserved);
}

void reserved_replace(Reserved *reserved, GHashTable *list)
{
    g_rw_lock_writer_lock(&reserved->lock);
    GHashTable *old = reserved->list;
    reserved->list = list;
    g_rw_lock_writer_unlock(&reserved->lock);
    g_hash_table_unref(old);
}

ReservedKind reserved_find(Reserved *reserved, dev_t device, ino_t inode)
{
    const FolderId id = {device, inode};

    g_rw_lock_reader_lock(&reserved->lock);
    const int kind = GPOINTER_TO_INT(g_hash_table_lookup(reserved->list, &id));
    g_rw_lock_reader_unlock(&reserved->lock);
    return (ReservedKind)kind;
}
