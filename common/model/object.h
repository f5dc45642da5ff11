/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object keys and versions; together they identify one upload.
 *
 * A key is the object's path below the bucket: bytes, not text, 1 to OBJECT_KEY_MAX of them,
 * without NUL. It neither begins nor ends with '/', and has no component that is empty, "." or
 * "..". A version consists of inode, size and times of the file, as fstat(2) returns them; thumbq
 * assumes that two equal versions of a key have the same bytes.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define OBJECT_KEY_MAX 4095

typedef struct {
    uint64_t ino;
    /* Bytes. */
    int64_t size;
    int64_t mtime_ns;
    int64_t ctime_ns;
} ObjectVersion;

bool object_version_equal(const ObjectVersion *a, const ObjectVersion *b);
void object_version_from_stat(const struct stat *st, ObjectVersion *ret_version);

/* True if `key` is a valid key, see above. */
bool object_key_is_valid(const char *key);

/* True if `key` is `prefix` or lies below it as a folder: "a/b" and "a/b/c", not "a/bc". */
bool object_key_is_below(const char *key, const char *prefix);

/*
 * Returns the key as text. A key that is valid UTF-8 without control and format characters (U+202E
 * reverses the text behind it) is unchanged. In any other key the bad bytes, and each '%', are
 * written as %XX, and *ret_encoded (may be NULL) is set to true. Owner: the caller frees.
 */
char *object_key_to_text(const char *key, bool *ret_encoded);

/*
 * Decodes %XX. NULL if two hexadecimal digits do not follow each '%', or if the result is not a
 * valid key. Owner: the caller frees.
 */
char *object_key_from_text(const char *text);

/* False for a prefix that no key can have, because it begins with '/' or './'. */
bool object_prefix_is_possible(const char *prefix);

/* Returns the prefix without a leading '/' or './'. Borrowed from `prefix`. */
const char *object_prefix_bare(const char *prefix);
