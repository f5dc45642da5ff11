/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A multipart upload on disk: a folder in the bucket's folder of uploads, named after its id. It
 * has a file that describes the future object, and a file "NUMBER-MD5" for each part. A part that
 * is sent again with other bytes is another file; the request that completes the upload names the
 * right one.
 */
#pragma once

#include "s3/meta.h"
#include "s3/s3_bucket.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Describes the future object. An upload exists as long as its folder has this file. */
#define MULTIPART_ABOUT     "about"
#define MULTIPART_ID_LEN    32
#define MULTIPART_PARTS_MAX 10000
/* Smallest part except the last, bytes. */
#define MULTIPART_PART_MIN ((int64_t)5 * 1024 * 1024)

typedef struct {
    /* The folder of the upload. */
    int fd;
    char *id, *key;
    /* Metadata of the future object. */
    Meta meta;
} Multipart;

void multipart_clear(Multipart *multipart);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Multipart, multipart_clear)

/* True for MULTIPART_ID_LEN hexadecimal digits in small letters. */
bool multipart_id_is_valid(const char *id);

/* Begins an upload of the new id `id`; it is on disk when this returns. Blocks. */
S3Fault multipart_create(const S3Bucket *bucket, const char *key, const Meta *meta, const char *id);

/* Opens an upload; `key` NULL: for any object. S3_NO_SUCH_UPLOAD: there is none. Owner:
 * multipart_clear. */
S3Fault multipart_open(const S3Bucket *bucket, const char *key, const char *id,
                       Multipart *ret_multipart);

/* The name of a part's file. Owner: the caller frees. */
char *multipart_part_name(unsigned number, const char *md5);

typedef struct {
    unsigned number;
    char md5[33];
    /* Checksum in base64 that the client states; "": none. */
    char checksum[64];
    int64_t size, mtime_us;
} MultipartPart;

/* Lists the parts by number; of a part that was sent several times, the newest. Elements:
 * MultipartPart. Blocks. NULL with *ret_fault. Owner: the caller. */
GArray *multipart_list_parts(const Multipart *multipart, S3Fault *ret_fault);

typedef struct {
    /* Key of the future object, or a common prefix. */
    char *key;
    /* NULL: a common prefix. */
    char *id;
    int64_t begun_us;
} MultipartEntry;

typedef struct {
    /* The keys begin with both prefixes; "": any. */
    const char *prefix, *key_prefix;
    /* "": none. */
    const char *delimiter;
    /* The page begins after the upload `after_id` of the object `after_key`; `after_id` "": after
     * all uploads of that object. */
    const char *after_key, *after_id;
    unsigned max;
} MultipartQuestion;

/*
 * Lists uploads by key and id. Elements: MultipartEntry, `max` + 1 at the most; one more than `max`
 * says that there are more. Blocks: reads the description of each upload of the bucket. NULL with
 * *ret_fault. Owner: the caller.
 */
GArray *multipart_list(const S3Bucket *bucket, const MultipartQuestion *question,
                       S3Fault *ret_fault);

/* Makes the upload young, so that no sweep removes it. */
void multipart_touch(const Multipart *multipart);

/* Removes an upload and its parts. S3_NO_SUCH_UPLOAD: there is none, or it was completed meanwhile;
 * what is left of it is removed. Takes the bucket's lock. */
S3Fault multipart_remove(const S3Bucket *bucket, const char *id);
