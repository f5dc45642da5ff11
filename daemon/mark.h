/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mark of a thumbnail: an extended attribute that says of which object it is, and when it was
 * written, under a keyed hash.
 *
 * The key is the bucket's own secret and lies in its state folder, readable by its owner alone. So
 * nobody else can mark a file: not to hide an upload, and not to have a sweep remove it. Older
 * versions of thumbq wrote marks without the hash. Such a mark holds in the prefix folder where the
 * file has not been touched since the key was made; setting an attribute touches a file. Private to
 * the daemon.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define MARK_SECRET_SIZE 32
#define MARK_ID_SIZE     16

typedef struct {
    uint8_t secret[MARK_SECRET_SIZE];
    int64_t since_ns; /* wall clock, when it was made */
    bool is_new;      /* by the call that opened it */
} MarkKey;

/*
 * Reads the key of the bucket whose state folder is `state_fd`. Where there is none, one is made
 * and written, with `make`; else *ret_key has no secret, and only marks of older versions hold.
 * Errors: those of trusted_open_file; ERROR_NOT_TRUSTED for a file that others can read;
 * ERROR_CONFIG for one that is no key.
 */
bool mark_key_open(int state_fd, bool make, MarkKey *ret_key, GError **error);

/* As mark_key_open, for a state folder that takes another's place: where it has no key it gets this
 * one, so that the thumbnails' marks hold. */
bool mark_key_keep(int state_fd, MarkKey *key, GError **error);

/* A name of the bucket that its key gives it, whatever its path. */
void mark_bucket_id(const MarkKey *key, uint8_t ret_id[static MARK_ID_SIZE]);

/*
 * Marks the file as a thumbnail of `object`, and of `next_object` (may be NULL) where it goes to,
 * as written now. 0, or an errno value; 0 too where the file system has no attributes. EMLINK for a
 * file that has other links: it is somebody else's too.
 */
int mark_set(const MarkKey *key, int fd, const char *object, const char *next_object);

/* True if the file, which lies in the prefix folder, bears the mark of an object of this hash
 * (layout_key_hash). */
bool mark_names(const MarkKey *key, int fd, uint64_t object_hash);

/* The same, of whatever object. */
bool mark_holds(const MarkKey *key, int fd);

/*
 * True if the file, which lies in the prefix folder, is as it was when it was marked, as far as can
 * be told: false if it has been written to since, or replaced by one without the mark of `object`
 * where files can have marks.
 */
bool mark_is_unchanged(const MarkKey *key, int fd, const char *object);

/* True if the file, wherever it lies, is a thumbnail of this bucket, and has not been written to
 * since. */
bool mark_is_true(const MarkKey *key, int fd);
