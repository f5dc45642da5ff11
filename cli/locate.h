/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the bucket that a command works on, and the key that the user means. Reads folders only,
 * never the store.
 */
#pragma once

#include <glib.h>

/* A folder that contains this folder is a bucket. thumbq.conf lies in it. */
#define LOCATE_STATE_FOLDER ".thumbq"

/*
 * Returns the bucket's absolute path without symbolic links. The first of these is used:
 * `argument`; `environment`, the value of $THUMBQ_BUCKET; the longest bucket path in the files of
 * `etc` (etc.h) that contains `directory`; the nearest folder at or above `directory` with a
 * LOCATE_STATE_FOLDER that belongs to this user or to root. State folders of other users are
 * skipped, because every user can create one in a shared folder. `argument` and `environment` may
 * be NULL or empty. Errors: ERROR_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_IO, those of
 * etc_find_bucket; the message says what to do. Owner: the caller frees.
 */
char *locate_bucket(const char *argument, const char *environment, const char *etc,
                    const char *directory, GError **error);

/* Returns the bucket that contains `directory`, found as above; NULL if there is none. Owner: the
 * caller frees. */
char *locate_bucket_above(const char *etc, const char *directory);

/*
 * Returns the keys that `text` may mean, the likeliest first, without duplicates. `text` is a key;
 * or a key as thumbq prints it, with %XX; or a path into `bucket`, absolute or relative to
 * `directory`. The list may be empty. `bucket` is a result of locate_bucket. Owner: the caller
 * frees.
 */
GStrv locate_keys(const char *text, const char *bucket, const char *directory);
