/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mark of a thumbnail: an extended attribute with the object and the time of writing, under a
 * keyed hash.
 *
 * The key is the bucket's own secret and lies in its state folder, readable by its owner alone. So
 * no other user can mark a file, neither to hide an upload nor to have a sweep remove it. Older
 * versions of thumbq wrote marks without the hash. Such a mark is accepted in the prefix folder if
 * the file has not changed since the key was made; setting an attribute changes a file. Private to
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
    /* Wall clock: time when the key was made, nanoseconds. */
    int64_t since_ns;
    /* The call that opened the key has made it. */
    bool is_new;
} MarkKey;

/*
 * Reads the key of the bucket with the state folder `state_fd`. If there is none, and `make` is
 * true, makes one and writes it. Without `make`, *ret_key has no secret, and only marks of older
 * versions are accepted. Errors: those of trusted_open_file; ERROR_NOT_TRUSTED for a file that
 * others can read; ERROR_CONFIG for a file that is not a key.
 */
bool mark_key_open(int state_fd, bool make, MarkKey *ret_key, GError **error);

/* As mark_key_open, for a state folder that takes another's place: if it has no key, it gets this
 * one, so that the thumbnails' marks stay valid. */
bool mark_key_save(int state_fd, MarkKey *key, GError **error);

/* Computes the id of the bucket from its key. The id does not depend on the path. */
void mark_bucket_id(const MarkKey *key, uint8_t ret_id[static MARK_ID_SIZE]);

/*
 * Marks the file as a thumbnail of `object`, written now, and of `next_object` (may be NULL), the
 * target of a move. Returns 0, or an errno value; also 0 on a file system without attributes.
 * EMLINK for a file with other links, which another user may use.
 */
int mark_set(const MarkKey *key, int fd, const char *object, const char *next_object);

/* True if the file, which lies in the prefix folder, bears the mark of an object with this hash
 * (layout_key_hash). */
bool mark_names(const MarkKey *key, int fd, uint64_t object_hash);

/* True if the file bears a valid mark, of any object. */
bool mark_holds(const MarkKey *key, int fd);

/*
 * True if the file, which lies in the prefix folder, has not changed since it was marked, as far as
 * can be known. False if it was written to since, or, where files can have marks, if its mark is
 * not of `object`.
 */
bool mark_is_unchanged(const MarkKey *key, int fd, const char *object);

/* True if the file, in any folder, is a thumbnail of this bucket, and was not written to since. */
bool mark_is_true(const MarkKey *key, int fd);

/* True if the file bears a mark, valid or not. */
bool mark_is_there(int folder_fd, const char *name);

/* Marks the folder of thumbnails at `path`, below the prefix folder, as made by thumbq. Returns 0,
 * or an errno value; also 0 on a file system without attributes. */
int mark_folder(const MarkKey *key, int fd, const char *path);

/* True if thumbq made the folder, at this path. Always false on a file system without attributes.
 * `fd` may be of O_PATH. */
bool mark_is_of_folder(const MarkKey *key, int fd, const char *path);
