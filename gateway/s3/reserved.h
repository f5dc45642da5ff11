/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that clients may not write, or not even read, known by device and inode: the folders of
 * state, of uploads and of thumbnails of all buckets, and the gateway's own state. A name is not
 * enough: a file system may ignore the case of names, a configuration may put such a folder
 * anywhere in any bucket, and a bucket may lie inside another one. All functions may be called in
 * any thread.
 */
#pragma once

#include <glib.h>
#include <sys/stat.h>

typedef enum {
    RESERVED_NOT,
    /* Thumbnails: read only. */
    RESERVED_OUTPUT,
    /* State and uploads: no access. */
    RESERVED_PRIVATE,
} ReservedKind;

typedef struct Reserved Reserved;

/* Owner: reserved_unref. */
Reserved *reserved_new(void);
Reserved *reserved_ref(Reserved *reserved);
void reserved_unref(Reserved *reserved);

/* A new list of folders, empty. Owner: reserved_replace, or g_hash_table_unref. */
GHashTable *reserved_list_new(void);
/* Adds the folder of this state to a list; of two kinds, the stricter one counts. */
void reserved_list_add(GHashTable *list, const struct stat *st, ReservedKind kind);

/* Replaces the folders by those of `list`, and takes ownership of it. */
void reserved_replace(Reserved *reserved, GHashTable *list);

/* Kind of a folder. */
ReservedKind reserved_find(Reserved *reserved, dev_t device, ino_t inode);
