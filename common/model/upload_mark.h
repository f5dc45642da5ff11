/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The extended attribute that a gateway keeps with an uploaded file. Its first lines are
 *
 *     thumbq-s3 1
 *     SIZE SECONDS.NANOSECONDS INODE
 *     ETAG
 *     KEY
 *
 * The second line is the state of the file when it was uploaded: the attribute counts only while
 * the file is in that state. KEY is the id of the key that uploaded the file. Only the owner of a
 * file can set such an attribute.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define UPLOAD_MARK_ATTRIBUTE "user.thumbq.s3"
#define UPLOAD_MARK_FIRST     "thumbq-s3 1"
/* Longest attribute, bytes. File systems accept not much more. */
#define UPLOAD_MARK_MAX 4000
/* Bytes of the id of a key, with the final NUL. */
#define UPLOAD_MARK_KEY_MAX 129

/* Appends the line of a file's state, without its end. */
void upload_mark_append_state(GString *out, const struct stat *st);

/* Parses the id of the key in an attribute of a file of this state. False: the attribute cannot be
 * read, is of another state, or has no id that consists of ASCII letters and digits. */
bool upload_mark_parse_key(const char *text, size_t len, const struct stat *st,
                           char ret_key[static UPLOAD_MARK_KEY_MAX]);

/*
 * Reads the id of the key from the attribute of the open file `fd`. False as upload_mark_parse_key.
 */
bool upload_mark_read_key(int fd, const struct stat *st, char ret_key[static UPLOAD_MARK_KEY_MAX]);
