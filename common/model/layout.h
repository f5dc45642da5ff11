/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of thumbnails: only this module knows <prefix>/<rendition>/<key>.<extension>. */
#pragma once

#include "model/image.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns a hash of a key, for places that have no room for the key. */
uint64_t layout_key_hash(const char *key);

/*
 * Returns the path of a thumbnail of `key` below the prefix folder. Two keys never have the same
 * path, and no folder has the name of a thumbnail:
 *   - a component that would be longer than a file name may be (255 bytes) is cut, and ends in '~'
 *     and a hash of the key up to there; so does one that looks as if it had been cut;
 *   - a folder whose name ends like a thumbnail's (".webp", and any number of '~') gets a '~'.
 * Owner: the caller frees.
 */
char *layout_thumbnail_path(const char *rendition, const char *key, ImageType type);

/*
 * Returns the path of the thumbnail in older versions of thumbq, in which two keys could have the
 * same path. Owner: the caller frees.
 */
char *layout_old_thumbnail_path(const char *rendition, const char *key, ImageType type);

/*
 * True if the component (without its extension) was cut; its first *ret_kept bytes come from the
 * key.
 */
bool layout_parse_cut(const char *name, size_t len, size_t *ret_kept);

/*
 * Returns the length of the part of a folder's name that comes from the key: all of it, or all but
 * the added '~'.
 */
size_t layout_parse_folder(const char *name, size_t len);

/*
 * Returns the same path with the prefix before it: a key if `prefix` lies below the bucket, else an
 * absolute path. Owner: the caller frees.
 */
char *layout_thumbnail_key(const char *prefix, const char *rendition, const char *key,
                           ImageType type);

/*
 * Converts `path` (an option such as `prefix`) to a key if it lies below the bucket, else to an
 * absolute path. `bucket` is absolute. Owner: the caller frees.
 */
char *layout_below_bucket(const char *bucket, const char *path);
