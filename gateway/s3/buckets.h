/* SPDX-License-Identifier: Apache-2.0 */
/* The served buckets. A bucket is opened when it is asked for, and opened anew when its folder, or
 * its folder of uploads, has become another one. All functions are called in one thread. */
#pragma once

#include "s3/s3_bucket.h"

typedef struct Buckets Buckets;

/*
 * Opens the folders `paths` as buckets with the folders' names, and all folders of `root` (NULL:
 * none) whose names are legal. Owner: buckets_free. Errors: as error_set_errno, ERROR_USAGE for a
 * name that is not legal or occurs twice.
 */
Buckets *buckets_open(const char *root, char *const *paths, GError **error);
/* Opens the folder `path` as the bucket `name`. Errors: as buckets_open. */
bool buckets_add(Buckets *buckets, const char *name, const char *path, GError **error);
void buckets_free(Buckets *buckets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Buckets, buckets_free)

/* Reserves the open folder `fd`, which outlives the buckets: no client can reach it. */
void buckets_reserve(Buckets *buckets, int fd);

/* Finds a bucket by its name, also in a new folder of the root. `for_uploads`: its folder of
 * uploads is needed. NULL with *ret_fault. Owner: bucket_unref. */
S3Bucket *buckets_find(Buckets *buckets, const char *name, bool for_uploads, S3Fault *ret_fault);

/* Opens the root, for bucket_make with this name. -1 with *ret_fault: S3_INVALID_BUCKET_NAME;
 * S3_ACCESS_DENIED if there is no root; S3_BUCKET_AWAY if the configuration has given the name to a
 * folder, which is not there. Owner: the caller closes. */
int buckets_open_root(Buckets *buckets, const char *name, S3Fault *ret_fault);

/* True if a client may remove this bucket: the folder has been given no name by the command line or
 * the configuration, and no bucket has its thumbnails, state or uploads in it. */
bool buckets_may_remove(Buckets *buckets, const S3Bucket *bucket);

/* Closes a bucket whose folder has been removed, when its last request has ended. */
void buckets_forget(Buckets *buckets, const S3Bucket *bucket);

/* Lists all buckets by name, also new ones in the root. Elements: S3Bucket, with a reference that
 * the array drops. Owner: the caller frees the array. */
GPtrArray *buckets_list(Buckets *buckets);

/* Name of a bucket that the command line or the configuration names, and whose folder is no longer
 * at its path. NULL: all are there. Borrowed. */
const char *buckets_find_missing(const Buckets *buckets);
