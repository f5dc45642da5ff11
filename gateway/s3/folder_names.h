/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names in the folders of buckets, sorted, for lists. The names of a large folder are kept in
 * memory, and inotify reports each change of it, also those by other programs: the kernel queues a
 * change before the call that made it returns, so a list has every change that came before it.
 * Small folders, and folders on file systems that other machines can change, are read for each
 * list. All functions may be called in any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A folder whose own size is smaller is read for each list, bytes. */
#define NAMES_FOLDER_MIN ((int64_t)64 * 1024)
/* Most names that one call returns of a large folder. */
#define NAMES_CHUNK 1024
/* Most bytes that the names of large folders take. */
#define NAMES_BYTES_MAX ((size_t)128 * 1024 * 1024)

typedef struct FolderNames FolderNames;

/* Without inotify every folder is read for each list. Owner: folder_names_free. */
FolderNames *folder_names_new(void);
void folder_names_free(FolderNames *names);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FolderNames, folder_names_free)

/*
 * Reads the names of files and folders in the open folder `dir_fd` that are not below `from` in the
 * order of their bytes. The name of a folder ends in '/'. Left out is everything that is neither a
 * file nor a folder. *ret_has_more: there are further names. Blocks. NULL with errno. Elements:
 * char *, owned. Owner: the caller.
 */
GPtrArray *folder_names_read(FolderNames *names, int dir_fd, const char *from, bool *ret_has_more);

/* Forgets the folders that were last read before `before_us`, monotonic clock. */
void folder_names_forget(FolderNames *names, int64_t before_us);

/* Number of folders that are kept. */
unsigned folder_names_kept(FolderNames *names);
