/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders of thumbnails below the prefix folder. Each has mode, group and owner of the folder
 * that its pictures lie in (access.h).
 *
 * Two rules keep other users from gaining rights by that:
 *
 *   - A folder that existed before may hold thumbnails of another folder of pictures that had the
 *     same name. Until the records agree with the bucket (folder_tree_settle), and while the mount
 *     with the pictures is away, rights are only taken from such a folder. The tree remembers which
 *     folders lack rights.
 *   - A folder is given to another owner only if it is thumbq's own: it bears the keyed mark from
 *     when it was made, or it belongs to its new owner already.
 *
 * Private to the publisher.
 */
#pragma once

#include "journal/mark.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The errno value for a folder of another user that has the name of a folder of thumbnails. */
#define FOLDER_IS_ANOTHERS EKEYREJECTED

typedef struct {
    /* Borrowed. */
    int prefix_fd;
    /* Owner of the prefix folder. Some file systems give it to all new files. */
    uid_t prefix_uid;
    /* Of O_PATH, borrowed; -1: there is none. */
    int bucket_fd;
    /* Borrowed. */
    const MarkKey *mark;
    /* ACCESS_OF_SOURCE, or the mode of all thumbnails. */
    int mode;
    /* Other users can reach the bucket if they can reach the thumbnails. */
    bool is_reachable;
    /* Records, thumbnails and bucket agree. */
    bool is_settled;
    /* char: folders of the bucket whose mount is away. */
    GPtrArray *away;
    /* Folders that lack rights: path -> folder of the pictures. */
    GHashTable *due;
    unsigned counter;
} FolderTree;

void folder_tree_init(FolderTree *tree);
void folder_tree_clear(FolderTree *tree);

/* Opens a path below the folder `fd`, with the flags of openat2. No symbolic link is followed.
 * Returns -1 with errno on error. Owner: the caller closes. */
int folder_open_beneath(int fd, const char *path, uint64_t flags);

/*
 * Opens the folder of thumbnails at `path`, below the prefix folder, for the picture `key`. Makes
 * the folder if it is missing. The folder and its parents take the rights of the folders of the
 * pictures. Returns -1 with errno on error, for example FOLDER_IS_ANOTHERS. Owner: the caller
 * closes.
 */
int folder_tree_open(FolderTree *tree, const char *path, const char *key);

/* Gives the folder at `path`, if it exists, the rights of the folder `source` of the bucket ("":
 * the bucket itself). */
void folder_tree_adjust(FolderTree *tree, const char *path, const char *source);

/* Sets whether the records agree with the bucket: true once they do, false as soon as they may
 * not. */
void folder_tree_settle(FolderTree *tree, bool is_settled);

/* True if a folder can be given its missing rights now. */
bool folder_tree_lacks(const FolderTree *tree);

/* Gives one of the folders its missing rights. Returns false if no folder lacks rights, or none can
 * be given more now. */
bool folder_tree_widen(FolderTree *tree);
