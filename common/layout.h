/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where thumbnails lie: the one place that knows <prefix>/<rendition>/<key>.<extension>.
 */
#pragma once

#include "image.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A short stand-in for a key, where the key itself is too long. */
uint64_t layout_key_hash(const char *key);

/*
 * The path of a thumbnail of `key` below the prefix folder. No two keys have the same, and no
 * folder has the name of a thumbnail:
 *   - a component that would be longer than a file name may be (255 bytes) is cut, and ends in '~'
 *     and a hash of the key up to there; so does one that looks as if it had been cut;
 *   - a folder whose name ends like a thumbnail's (".webp", and any number of '~') gets a '~'.
 * Owner: the caller frees.
 */
char *layout_thumbnail_path(const char *rendition, const char *key, ImageType type);

/* Where versions of thumbq had it for which names could collide. Owner: the caller frees. */
char *layout_old_thumbnail_path(const char *rendition, const char *key, ImageType type);

/* True if the component (without its extension) was cut; *ret_kept bytes of it are the key's. */
bool layout_parse_cut(const char *name, size_t len, size_t *ret_kept);

/* How much of a folder's name is the key's: all, or all but the '~' it got. */
size_t layout_parse_folder(const char *name, size_t len);

/*
 * The same with the prefix before it: a key of its own where `prefix` lies below the bucket, else
 * an absolute path, as `prefix` is. Owner: the caller frees.
 */
char *layout_thumbnail_key(const char *prefix, const char *rendition, const char *key,
                           ImageType type);

/*
 * `path` (a setting such as `prefix`) as a key, where it lies below the bucket, else as an absolute
 * path. `bucket` is absolute. Owner: the caller frees.
 */
char *layout_below_bucket(const char *bucket, const char *path);
