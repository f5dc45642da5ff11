/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that are a bucket's own: that of its thumbnails (the prefix folder) and that of its
 * state. No uploads are looked for in them, neither by the bucket whose they are nor by one around
 * it.
 *
 * The bucket knows its own by device and inode, so that a folder that was renamed is still known.
 * Those of a bucket inside a bucket bear an attribute with the id of theirs. It is believed where
 * the folder belongs to the effective user or to root and others cannot write to it: they could set
 * the attribute, and hide what lies there. Private to the daemon.
 */
#pragma once

#include "mark.h"

#include <stdbool.h>

/* Says of the folder whose it is. It is no error where the file system has no attributes. */
void place_claim(int folder_fd, const MarkKey *key);

/* True if the folder is that of another bucket, as far as can be believed. */
bool place_is_anothers(int folder_fd, const MarkKey *key);

/* True if the two descriptors are of one folder. */
bool place_is_same(int a_fd, int b_fd);
