/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thumbnails under construction on file systems without unnamed files (O_TMPFILE): bindfs and
 * others on FUSE, ntfs-3g, network file systems. They have hidden names in the prefix folder until
 * they are put into place. Private to the publisher.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The prefix of the names that named_clean removes. No file below the prefix folder is an
 * object. */
#define NAMED_PREFIX ".thumbq-"

typedef struct Named Named;

/* Makes an empty list of hidden files. Owner: named_free, which removes no file. */
Named *named_new(void);

/* Returns a name that this process uses nowhere else. Owner: the caller frees. */
char *named_new_name(Named *named);

/* Makes a file with a hidden name in the folder, open for reading and writing. The file is known by
 * its descriptor until named_forget or named_discard. Returns -1 with errno on error. */
int named_create(Named *named, int folder_fd);

/* Returns the name of an open file; NULL if the file was not made by named_create. Borrowed. */
const char *named_of(const Named *named, int fd);

/* Forgets the hidden name, after the file was given another name. */
void named_forget(Named *named, int fd);

/* Removes the hidden name of the file, if it has one. Call it before `fd` is closed. */
void named_discard(Named *named, int folder_fd, int fd);

/* Removes all hidden names of this process. */
void named_discard_all(Named *named, int folder_fd);

/* Removes the files that a dead process left in the folder. */
void named_clean(int folder_fd);

void named_free(Named *named);
