/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over all thumbnail files in the prefix folder, with what each is of. Never follows a link;
 * holds one open folder per level. Private to the daemon.
 */
#pragma once

#include "image.h"
#include "publish.h"

#include <stdbool.h>

typedef struct ThumbnailWalk ThumbnailWalk;

typedef struct {
    const char *rendition; /* all borrowed until the next call */
    const char *path;      /* below the prefix folder */
    const char *key; /* of the object that it was made from; if is_cut, what all such keys begin
                        with */
    ImageType type;
    bool is_cut; /* the name was too long: layout_thumbnail_path of the key says whether it is it */
    bool is_ours; /* it bears the mark of that object; else only rendition and path mean anything */
} ThumbnailFile;

ThumbnailWalk *thumbnail_walk_new(Publisher *publisher);

/* False at the end. */
bool thumbnail_walk_next(ThumbnailWalk *walk, ThumbnailFile *ret_file);
void thumbnail_walk_free(ThumbnailWalk *walk);
