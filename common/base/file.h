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

/*
 * Closes *fd and sets it to -1; does nothing if it is -1. For the cleanup attribute and for direct
 * calls.
 */
void fd_clear(int *fd);

/* Declares a descriptor that is closed when it goes out of scope. */
#define autofd __attribute__((cleanup(fd_clear))) int

/* Returns the descriptor and sets *fd to -1. Owner: the caller closes. */
int fd_steal(int *fd);

/*
 * Reads a whole file of at most `max_bytes`. The text is NUL-terminated and may contain NULs. For
 * state and configuration use trusted.h instead. Errors: as error_set_errno; ERROR_FILE_TOO_LARGE.
 * Owner: the caller frees.
 */
char *file_read(const char *path, size_t max_bytes, size_t *ret_len, GError **error);

/* As file_read, from an open file; `path` is for messages. */
char *file_read_fd(int fd, const char *path, size_t max_bytes, size_t *ret_len, GError **error);

/*
 * True if both describe the same file: device and inode are equal. All zero describes an absent
 * file, which is the same as none.
 */
bool file_is_same(const struct stat *a, const struct stat *b);

/*
 * Makes the folder `path` below `dir_fd` and all its parents. A folder that exists is no error.
 * Errors: as error_set_errno.
 */
bool file_make_folders(int dir_fd, const char *path, GError **error);
