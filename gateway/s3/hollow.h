/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders without keys. The gateway makes folders for an object before it puts the object into
 * place, and removes them after the last object has gone. If it is killed between, they stay, with
 * the mark of bucket_made_folder. Lists leave them out. All functions block.
 */
#pragma once

#include "s3/s3_bucket.h"

#include <stdbool.h>
#include <stddef.h>

/* Most folders below its common prefixes that a page of a list opens. */
#define HOLLOW_OPENED_MAX 64
/* Most folders that one removal opens: more than a key has components. */
#define HOLLOW_REMOVED_MAX 1024

/* True if a folder that cannot be opened for this errno is no place of objects: it has gone since
 * its name was read, is of another kind or on another file system, or may not be read. */
bool hollow_is_no_place(int errnum);

/*
 * True if the open folder, whose path with its '/' has `path_len` bytes, is no key and has no key
 * below it. *left is the number of folders that may be opened, and becomes less. False, too: they
 * were too few, or a folder could not be read.
 */
bool hollow_check(const S3Bucket *bucket, int fd, size_t path_len, unsigned *left);

/* True if the open folder has only hollow folders in it. As hollow_check. */
bool hollow_check_below(const S3Bucket *bucket, int fd, size_t path_len, unsigned *left);

/* Removes hollow folders in the open folder, up to the first file or other folder. Called under the
 * lock of the bucket: a request may be putting an object into such a folder. */
void hollow_remove_below(const S3Bucket *bucket, int fd);
