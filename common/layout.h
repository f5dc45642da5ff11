/*
 * Where thumbnails lie: the one place that knows <prefix>/<rendition>/<key>.<extension>.
 */
#pragma once

#include "image.h"

#include <glib.h>

/*
 * The path of the thumbnail of `key`: a key of its own where `prefix` lies below the bucket, else
 * an absolute path, as `prefix` is. Owner: the caller frees.
 */
char *layout_thumbnail_key(const char *prefix, const char *rendition, const char *key,
                           ImageType type);
