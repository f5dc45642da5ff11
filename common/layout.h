/*
 * Where thumbnails lie: the one place that knows <prefix>/<rendition>/<key>.<extension>.
 */
#pragma once

#include "image.h"

#include <glib.h>
#include <stdint.h>

/* A short stand-in for a key, where the key itself is too long. */
uint64_t layout_key_hash(const char *key);

/*
 * The path of a thumbnail of `key` below the prefix folder. A last component that would be longer
 * than a file name may be (255 bytes) is cut, and ends in a hash of the whole key instead. Owner:
 * the caller frees.
 */
char *layout_thumbnail_path(const char *rendition, const char *key, ImageType type);

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
