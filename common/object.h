/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object keys and versions: what identifies one upload.
 *
 * A key is the object's path below the bucket: bytes, not text; no leading or trailing '/', no
 * empty,
 * "." or ".." component, no NUL, 1 to OBJECT_KEY_MAX bytes. A version is what fstat says of the
 * file; two equal versions of a key are taken to hold the same bytes.
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
    int64_t size; /* bytes */
    int64_t mtime_ns;
    int64_t ctime_ns;
} ObjectVersion;

bool object_version_equal(const ObjectVersion *a, const ObjectVersion *b);
void object_version_from_stat(const struct stat *st, ObjectVersion *ret_version);

/* True if `key` is well formed as said above. */
bool object_key_is_valid(const char *key);

/* True if `key` is `prefix` or lies below it as a folder: "a/b" and "a/b/c", not "a/bc". */
bool object_key_is_below(const char *key, const char *prefix);

/*
 * The key as text. A key that is valid UTF-8 without control and format characters (U+202E turns
 * what follows it around) is itself; any other has its offending bytes, and '%', written as %XX,
 * and *ret_encoded (may be NULL) is set to true. Owner: the caller frees.
 */
char *object_key_to_text(const char *key, bool *ret_encoded);

/* Undoes %XX. NULL if a '%' is not followed by two hexadecimal digits or the result is no key. */
char *object_key_from_text(const char *text);

/* False for a prefix that no key begins with, as it begins with a '/' or a './'. */
bool object_prefix_is_possible(const char *prefix);

/* The prefix without those. Borrowed from `prefix`. */
const char *object_prefix_bare(const char *prefix);
