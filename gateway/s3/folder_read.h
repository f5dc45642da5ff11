/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the names in a folder. */
#pragma once

#include <dirent.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a name and of the pointer to it. */
#define FOLDER_NAME_BYTES(text) (strlen(text) + 1 + sizeof(char *))

/* Compares two elements of an array of texts by their bytes. */
int folder_compare_texts(const void *a, const void *b);

/* Opens the open folder `dir_fd` for readdir. NULL with errno. Owner: closedir. */
DIR *folder_open_dir(int dir_fd);

/*
 * Finds the next entry in `dir` that is a file or a folder. *ret_entry NULL: there is none. False
 * with errno.
 */
bool folder_next_entry(DIR *dir, const struct dirent **ret_entry, bool *ret_is_folder);

/*
 * Reads and sorts the names of files and folders in the open folder `dir_fd`, whose own size is
 * `size` bytes. The name of a folder ends in '/'. *ret_texts holds the texts; *ret_bytes is the sum
 * of FOLDER_NAME_BYTES. Blocks. NULL with errno. Owner: the caller, of both.
 */
GPtrArray *folder_read(int dir_fd, int64_t size, GStringChunk **ret_texts, size_t *ret_bytes);
