/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the names in a folder. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a name and of the pointer to it. */
#define FOLDER_NAME_BYTES(text) (strlen(text) + 1 + sizeof(char *))

/* Compares two elements of an array of texts by their bytes. */
int folder_compare_texts(const void *a, const void *b);

/*
 * Reads and sorts the names of files and folders in the open folder `dir_fd`, whose own size is
 * `size` bytes. The name of a folder ends in '/'. *ret_texts holds the texts; *ret_bytes is the sum
 * of FOLDER_NAME_BYTES. Blocks. NULL with errno. Owner: the caller, of both.
 */
GPtrArray *folder_read(int dir_fd, int64_t size, GStringChunk **ret_texts, size_t *ret_bytes);
