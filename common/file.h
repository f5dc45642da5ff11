/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors and small files.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

/* Closes *fd and sets it to -1, unless it is -1 already. For the cleanup attribute and by hand. */
void fd_clear(int *fd);

/* A descriptor that is closed when it goes out of scope. */
#define autofd __attribute__((cleanup(fd_clear))) int

/* Hands the descriptor over: returns it and leaves -1 behind. */
int fd_steal(int *fd);

/*
 * Reads a whole file of at most `max_bytes`; the text is NUL-terminated and may hold NULs. Not for
 * state and configuration: see trusted.h.
 * Errors: as error_set_errno; ERROR_FILE_TOO_LARGE. Owner: the caller frees.
 */
char *file_read(const char *path, size_t max_bytes, size_t *ret_len, GError **error);

/* The same of an open file; `path` is for messages. */
char *file_read_fd(int fd, const char *path, size_t max_bytes, size_t *ret_len, GError **error);

/* True if the two are of one file: device and inode. */
bool file_is_same(const struct stat *a, const struct stat *b);

/* Makes the folder `path` below `dir_fd` with all its parents; fine if it is there. Errors: as
 * error_set_errno. */
bool file_make_folders(int dir_fd, const char *path, GError **error);
