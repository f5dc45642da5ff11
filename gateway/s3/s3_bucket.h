/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket: a folder that is open. Every operation in a bucket starts at its descriptor, follows no
 * links, stays on its file system, and keeps out of reserved folders. Errors of functions that
 * return a descriptor are in errno; EACCES stands for a reserved folder, too.
 */
#pragma once

#include "config/config.h"
#include "s3/reserved.h"
#include "s3/s3_fault.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

#define S3_UPLOADS_FOLDER ".thumbq-uploads"
#define S3_KEY_MAX        1024
#define S3_COMPONENT_MAX  255

/* Extended attribute of a folder that the gateway has made for an object. Such a folder is removed
 * with the last object in it. Every other folder stays: other programs, or a client as the key
 * "dir/", have made it. */
#define BUCKET_FOLDER_MARK "user.thumbq.s3.folder"

/* Extended attribute of a folder that a client has made as a bucket. A client can remove no other
 * one. */
#define BUCKET_MARK "user.thumbq.s3.bucket"

/* Unchanging, except its count of references. May be used in any thread. */
typedef struct {
    gatomicrefcount n_refs;
    char *name, *path;
    /* The command line or the configuration names the bucket; it is not merely a folder of the
     * root. */
    bool is_named;
    int fd;
    /* State of the folder when it was opened. */
    struct stat st;
    /* The folder of uploads; -1: nothing can be written. */
    int uploads_fd;
    /* The bucket's configuration, or the defaults if it cannot be read. */
    Config *config;
    /* Folders of the thumbnails and of the state: keys, or absolute paths outside of the bucket. */
    char *prefix, *state;
    /* Time of creation: the last change of the folder before it was opened. */
    int64_t made_us;
    /* Time at which it was opened, monotonic clock. */
    int64_t opened_us;
    Reserved *reserved;
    /* Held while an object is put into place or removed: see bucket_lock. */
    GMutex *places;
} S3Bucket;

/* Opens the folder `path` (relative to `dir_fd`) as the bucket `name`. Owner: bucket_unref. Errors:
 * as error_set_errno. */
S3Bucket *bucket_open(int dir_fd, const char *path, const char *name, Reserved *reserved,
                      GError **error);
S3Bucket *bucket_ref(S3Bucket *bucket);
void bucket_unref(S3Bucket *bucket);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(S3Bucket, bucket_unref)

/* Makes the folder `name` in the root `root_fd`, which is a bucket then. S3_BUCKET_EXISTS;
 * S3_TOO_MANY_BUCKETS if the root has `max` folders with legal names. Requests that run at the same
 * time do not count each other. Blocks for a sync. */
S3Fault bucket_make(int root_fd, const char *name, int64_t max);

/* Removes the folder of the bucket with its folder of uploads, if it has nothing else and has been
 * made by bucket_make. S3_BUCKET_NOT_EMPTY, S3_BUCKET_OF_OTHERS, S3_NO_SUCH_BUCKET. Blocks. */
S3Fault bucket_remove(const S3Bucket *bucket);

/* True while the path leads to the open folder. */
bool bucket_is_there(const S3Bucket *bucket);

/*
 * True if the bucket, which is there, need not be opened anew for uploads: its folder of uploads is
 * the one that is open. `now_us` is of the monotonic clock. If uploads could not be opened, another
 * attempt is worthwhile after a second.
 */
bool bucket_has_uploads(const S3Bucket *bucket, int64_t now_us);

/* Adds the reserved folders of the bucket to a list of reserved.h. */
void bucket_list_reserved(const S3Bucket *bucket, GHashTable *list);

/* True for a legal name of a bucket. Source: Amazon S3, "Bucket naming rules". */
bool bucket_name_is_legal(const char *name);

/* Checks a key. Returns S3_OK, S3_INVALID_URI or S3_KEY_TOO_LONG. A '/' may end a key. */
S3Fault bucket_check_key(const char *key);

/*
 * True for keys in a state folder of thumbq or of the gateway, or in a folder of uploads, at any
 * depth and in any case of ASCII letters: commands look for `.thumbq` upward from the current
 * folder, and a folder below the bucket may be a bucket itself. Clients can neither read nor write
 * these keys. Pure: it sees the name only.
 */
bool bucket_is_private(const char *key);

/*
 * True for private keys and for those in the folder of the thumbnails. Clients cannot write them.
 * Pure: it sees the name only.
 */
bool bucket_is_reserved(const S3Bucket *bucket, const char *key);

/* True for keys that the daemon ignores: no thumbnail is made of them. */
bool bucket_ignores(const S3Bucket *bucket, const char *key);

/* Opens the file or folder at `path` below the bucket ("": the bucket itself) for reading. -1 with
 * errno. Owner: the caller closes. */
int bucket_open_at(const S3Bucket *bucket, const char *path, int flags);

/* Opens the folder `name` in the open folder `dir_fd` for reading, unless it is reserved of the
 * kind `forbidden` or of a worse one. -1 with errno. Owner: the caller closes. */
int bucket_open_below(const S3Bucket *bucket, int dir_fd, const char *name, ReservedKind forbidden);

/* Opens the object `key`, or the folder "dir/", for reading, and reads its state. -1 with errno.
 * Owner: the caller closes. */
int bucket_open_object(const S3Bucket *bucket, const char *key, struct stat *ret_st);

/*
 * Opens the folder of the object `key`, to put the object there or to remove it. With `ret_made`,
 * missing folders are made; *ret_made is their number. *ret_name is the last component, borrowed
 * from `key`. -1 with errno. Owner: the caller closes.
 */
int bucket_open_parent(const S3Bucket *bucket, const char *key, unsigned *ret_made,
                       const char **ret_name);

/*
 * True if the gateway has made the open folder for an object. Such a folder is no key, even while
 * it is empty: a request is putting the object into it, or the gateway was killed meanwhile.
 */
bool bucket_made_folder(int fd);

/* Makes the open folder a key: it stays when it is empty. A sync of the folder makes that durable.
 * False with errno. */
bool bucket_keep_folder(int fd);

/* Makes the state of the folder `path` durable. A folder that has gone was removed with its last
 * object. False with errno. */
bool bucket_sync_folder(const S3Bucket *bucket, const char *path);

/* Makes the entries of the last `made` folders above `key` durable. False with errno. */
bool bucket_sync_folders(const S3Bucket *bucket, const char *key, unsigned made);

/*
 * While the lock is held, no other request of the gateway puts an object into place, removes one or
 * removes folders in this bucket. Nothing that waits for a disk is done under it.
 */
void bucket_lock(const S3Bucket *bucket);
void bucket_unlock(const S3Bucket *bucket);

/* Removes the folders above `key` that have become empty and that the gateway has made for objects.
 * Called under the lock. */
void bucket_prune(const S3Bucket *bucket, const char *key);
