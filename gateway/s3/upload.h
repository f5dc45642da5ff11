/* SPDX-License-Identifier: Apache-2.0 */
/* An upload: a file in the bucket's folder of uploads, which is renamed into place when it is
 * complete and on disk. Until then no file has the name of the object. */
#pragma once

#include "http/digest.h"
#include "s3/conditions.h"
#include "s3/meta.h"
#include "s3/s3_bucket.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Upload Upload;

/*
 * Begins an upload of the object `key` (checked) in `bucket`, which outlives the upload. `name`:
 * unique name of its file. NULL on error, with *ret_fault. Owner: upload_free, which removes the
 * file unless it is in place.
 */
Upload *upload_open(const S3Bucket *bucket, const char *key, const char *name, S3Fault *ret_fault);
void upload_free(Upload *upload);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Upload, upload_free)

/* Begins a part of a multipart upload, in its folder `folder_fd`, and takes ownership of
 * `folder_fd`. Errors and owner as upload_open. */
Upload *upload_open_part(const S3Bucket *bucket, int folder_fd, const char *name,
                         S3Fault *ret_fault);

/* Metadata of the object, to be filled before upload_finish. Borrowed. */
Meta *upload_meta(Upload *upload);

/* Appends `len` bytes. False: a write has failed, and upload_finish returns the reason. */
bool upload_write(Upload *upload, const void *bytes, size_t len);

/* Moves the conditions to the upload under which the object may be put into place. upload_finish:
 * S3_PRECONDITION_FAILED; S3_NO_SUCH_KEY if the object is missing that has to have an ETag. No
 * other request of the gateway comes between the check and the rename. */
void upload_set_condition(Upload *upload, WriteCondition *condition);

/* Makes the upload depend on the multipart upload in the folder `folder_fd`, which is borrowed
 * until the end of upload_finish: the object is put into place only if that upload exists, which
 * has then ended. upload_finish: S3_NO_SUCH_UPLOAD. */
void upload_set_multipart(Upload *upload, int folder_fd);

/* True if the object is in place, even if upload_finish has failed to make that durable. */
bool upload_is_in_place(const Upload *upload);

/*
 * Appends `len` bytes of the file `fd` from `offset` on, and adds them to both digests (may be
 * NULL). Blocks: it runs in a thread. False: a write has failed, the file has fewer bytes, or
 * *is_stopped, which is read atomically, is not 0; upload_finish returns the reason.
 */
bool upload_append_file(Upload *upload, int fd, int64_t offset, int64_t len, HttpDigest *digest,
                        HttpDigest *other, const gint *is_stopped);

/* Makes the object durable, and renames it into place. Blocks: it runs in a thread. */
S3Fault upload_finish(Upload *upload);

/* Makes a part durable, and gives it the name `part` in its folder. Blocks: it runs in a thread. */
S3Fault upload_finish_part(Upload *upload, const char *part);

/* Removes unfinished uploads that have not changed for longer than `age_us`. `now_us` is of the
 * wall clock. Blocks. Ends early once *is_stopped, which is read atomically, is not 0. */
void upload_sweep(const S3Bucket *bucket, int64_t now_us, int64_t age_us, const gint *is_stopped);
