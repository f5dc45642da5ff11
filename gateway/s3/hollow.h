/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders without keys. The gateway makes folders for an object before it puts the object into
 * place, and removes them after the last object has gone. If it is killed between, they stay. Lists
 * leave them out. All functions block.
 */
#pragma once

#include "s3/s3_bucket.h"

#include <stdbool.h>

/* True if a folder that cannot be opened for this errno is no place of objects: it has gone since
 * its name was read, is of another kind or on another file system, or may not be read. */
bool hollow_is_no_place(int errnum);

/* Finds whether the open folder `path` (with its '/') is no key and has no key below it. False with
 * errno. */
bool hollow_check(const S3Bucket *bucket, int fd, const char *path, bool *ret_is_hollow);

/* Finds whether the open folder `path` ("": the bucket) has only hollow folders in it. False with
 * errno. */
bool hollow_check_below(const S3Bucket *bucket, int fd, const char *path, bool *ret_is_hollow);
