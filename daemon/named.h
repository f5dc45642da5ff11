/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thumbnails that are being written where the file system has no unnamed files (O_TMPFILE): bindfs
 * and others on FUSE, ntfs-3g, network file systems. They have hidden names in the prefix folder
 * until they are put into place. Private to the publisher.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* How the names begin that named_clean removes. Nothing below the prefix folder is an object. */
#define NAMED_PREFIX ".thumbq-"

typedef struct Named Named;

/* Owner: named_free, which removes no file. */
Named *named_new(void);

/* A name that nothing else of this process uses. Owner: the caller frees. */
char *named_new_name(Named *named);

/*
 * Makes a file with a hidden name in the folder, open for reading and writing, which is known by
 * its descriptor until named_forget or named_discard. -1, with errno set, on error.
 */
int named_create(Named *named, int folder_fd);

/* The name of an open file; NULL if it was not made here. Borrowed. */
const char *named_of(const Named *named, int fd);

/* The file has another name from now on. */
void named_forget(Named *named, int fd);

/* Removes the hidden name of the file, if it has one. To be called before `fd` is closed. */
void named_discard(Named *named, int folder_fd, int fd);

/* The same for all of them. */
void named_discard_all(Named *named, int folder_fd);

/* Removes what a process that has died left in the folder. */
void named_clean(int folder_fd);

void named_free(Named *named);
