/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that are a bucket's own: the folder of its thumbnails (the prefix folder) and its state
 * folder. No bucket looks for uploads in them, neither their own bucket nor one around it.
 *
 * The bucket knows its own folders by device and inode, so that a renamed folder is still known.
 * The folders of a bucket inside a bucket bear an attribute with that bucket's id. The attribute is
 * believed if the folder belongs to the effective user or to root, and others cannot write to it:
 * they could set the attribute, and hide the files in the folder. Private to the daemon.
 */
#pragma once

#include "journal/mark.h"

#include <glib.h>
#include <stdbool.h>

/* Marks the folder as this bucket's. A file system without attributes is no error. */
void place_claim(int folder_fd, const MarkKey *key);

/* True if the folder was marked for this bucket. */
bool place_is_own(int folder_fd, const MarkKey *key);

/* False if the file system has no attributes, so that folders cannot be marked. */
bool place_has_marks(int folder_fd);

/* True if the folder bears a trusted mark of another bucket. */
bool place_is_anothers(int folder_fd, const MarkKey *key);

/* True if the two descriptors are of one folder. */
bool place_is_same(int a_fd, int b_fd);

/* Advice for a disk that is full or read-only: appended to the error message. */
#define PLACE_HINT                                                                                 \
    "; or have thumbnails and state on another disk: set 'prefix' and 'state' in a file that "     \
    "--config names"

/* Appends that advice to an error of the disk. */
void place_explain(GError *failure);
