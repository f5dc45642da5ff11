/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the bucket a command is about, and the key that someone means. Looks at folders only, never
 * at the store.
 */
#pragma once

#include <glib.h>

/* Its presence in a folder says that the folder is a bucket; thumbq.conf lies in it. */
#define LOCATE_STATE_FOLDER ".thumbq"

/*
 * The bucket's absolute path without symbolic links: `argument`, else `environment` (the value of
 * $THUMBQ_BUCKET), else the longest path of a bucket that a file in `etc` names (etc.h) and that
 * holds `directory`, else the nearest folder at or above `directory` that holds a
 * LOCATE_STATE_FOLDER of this user or of root: another user's, in a folder that people share, is
 * passed over. The first two may be NULL, or empty, for not given.
 * Errors: ERROR_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_IO, those of etc_find_bucket; the message
 * says what to do. Owner: the caller frees.
 */
char *locate_bucket(const char *argument, const char *environment, const char *etc,
                    const char *directory, GError **error);

/* The bucket that holds `directory`, as above, or NULL if there is none. Owner: the caller frees.
 */
char *locate_bucket_above(const char *etc, const char *directory);

/*
 * The keys that `text` may mean, likeliest first, none twice: a key as it is; a key as thumbq shows
 * it
 * (%XX); a path, relative to `directory` or absolute, into `bucket`. May be empty.
 * `bucket` is as locate_bucket returns it. Owner: the caller frees.
 */
GStrv locate_keys(const char *text, const char *bucket, const char *directory);
