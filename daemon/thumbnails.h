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
    const char *key;       /* of the object that it was made from */
    ImageType type;
    bool is_ours; /* it bears the mark of that object; else the other fields but rendition mean
                     nothing */
} ThumbnailFile;

ThumbnailWalk *thumbnail_walk_new(Publisher *publisher);

/* False at the end. */
bool thumbnail_walk_next(ThumbnailWalk *walk, ThumbnailFile *ret_file);
void thumbnail_walk_free(ThumbnailWalk *walk);

/*
 * Marks the file as a thumbnail of `key`, and of `next_key` (may be NULL) where it goes to: an
 * extended attribute, where the file system has them. A file without the mark is never removed by a
 * sweep.
 */
void thumbnail_mark(int fd, const char *key, const char *next_key);
