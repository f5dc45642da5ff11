/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata of an object, in the extended attribute of model/upload_mark.h: ETag, content type,
 * x-amz-meta-* and the id of the key that uploaded it. It is bound to size, time and inode of the
 * file, so a file that another program has written since has none.
 */
#pragma once

#include "http/head.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* ETag of an object without bytes, and of a folder that is a key. */
#define S3_EMPTY_ETAG "d41d8cd98f00b204e9800998ecf8427e"

/* Most bytes of x-amz-meta-* names and values. Source: Amazon S3. */
#define META_HEADERS_MAX 2048

typedef struct {
    /* ETag without quotes. */
    char *etag;
    /* Id of the key; NULL: the gateway has not uploaded the object. */
    char *key_id;
    /* Kept headers: Content-Type, x-amz-meta-*, ... */
    HttpHead kept;
} Meta;

void meta_clear(Meta *meta);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Meta, meta_clear)

/* True for headers of a PUT that a GET returns, and for checksums (meta_is_checksum). */
bool meta_is_kept(const char *header);

/* Lines of the attribute that no client sets and sees: the id of the multipart upload that made the
 * object, and the sizes of its parts (part_sizes.h). */
#define META_UPLOAD "x-thumbq-upload"
#define META_PARTS  "x-thumbq-parts"
/* Checksums of the parts, with ';' between. Their kind is that of the object's checksum. */
#define META_PART_CHECKSUMS "x-thumbq-part-checksums"
/* Of an unfinished multipart upload: name and type of its checksum, "sha256 COMPOSITE". */
#define META_CHECKSUM "x-thumbq-checksum"

/* True for one of these lines. */
bool meta_is_internal(const char *header);

/* True for x-amz-checksum-NAME: the checksum of all bytes, which was verified. */
bool meta_is_checksum(const char *header);

/* Copies the headers of a request that are kept, without checksums and internal lines. False:
 * x-amz-meta-* have more than META_HEADERS_MAX bytes. */
bool meta_set_headers(Meta *meta, const HttpHead *head);

/* Formats the attribute for a file of this state. NULL: it is longer than UPLOAD_MARK_MAX. Owner:
 * the caller frees. */
char *meta_format(const Meta *meta, const struct stat *st);

/* Parses the attribute. False: it cannot be read, or is of another state of the file. Owner:
 * meta_clear. */
bool meta_parse(const char *text, size_t len, const struct stat *st, Meta *ret_meta);

/* Reads the metadata of the open file `fd`. A file without metadata has only an ETag of its state,
 * which ends in "-0". Owner: meta_clear. */
void meta_read(int fd, const struct stat *st, Meta *ret_meta);

/* Reads only the ETag of the file `name` in `dir_fd`, whose state is `st`. NULL with errno: the
 * file could not be read, and may have metadata. Owner: the caller frees. */
char *meta_read_etag(int dir_fd, const char *name, const struct stat *st);

/*
 * Writes the metadata of the open file `fd`; without the lists of the parts, if there is no room
 * for them. False with errno; E2BIG: it is longer than UPLOAD_MARK_MAX.
 */
bool meta_write(int fd, const Meta *meta, const struct stat *st);
