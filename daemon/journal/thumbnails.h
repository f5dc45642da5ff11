/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over all thumbnail files in the prefix folder, with the object of each. Follows no link;
 * holds one open folder per level. Private to the daemon. */
#pragma once

#include "journal/publish.h"
#include "model/image.h"

#include <stdbool.h>

typedef struct ThumbnailWalk ThumbnailWalk;

typedef struct {
    /* This and the next two: borrowed until the next call. */
    const char *rendition;
    /* Below the prefix folder. */
    const char *path;
    /* Key of the object that it was made from; if is_cut, the beginning of the key. */
    const char *key;
    ImageType type;
    /* The name was too long: compare with layout_thumbnail_path of a candidate key. */
    bool is_cut;
    /* The thumbnail bears the mark of that object; if not, only rendition and path are valid. */
    bool is_ours;
} ThumbnailFile;

ThumbnailWalk *thumbnail_walk_new(Publisher *publisher);

/* Returns false at the end. */
bool thumbnail_walk_next(ThumbnailWalk *walk, ThumbnailFile *ret_file);
void thumbnail_walk_free(ThumbnailWalk *walk);
