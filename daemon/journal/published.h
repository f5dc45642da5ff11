/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a published thumbnail: whether it is on disk, and as it was put there. Private to the
 * daemon.
 */
#pragma once

#include "journal/publish.h"

typedef enum {
    PUBLISHED_GONE,
    /* The size differs, it was written to since, or another user has put it there. */
    PUBLISHED_CHANGED,
    PUBLISHED_THERE,
} PublishedState;

/* Returns whether the thumbnail is as it was put, with this size. A thumbnail where an older
 * version put it is moved to its place, unless `dry_run`. */
PublishedState published_state(Publisher *publisher, const char *rendition, const char *key,
                               ImageType type, int64_t size_bytes, bool dry_run);

/*
 * For a thumbnail that is PUBLISHED_CHANGED only by its mark or its time, as a copy is: returns
 * true if it has the content that was put there. Then it is marked anew, unless `dry_run`. Reads
 * all of it.
 */
bool published_adopt(Publisher *publisher, const char *rendition, const char *key, ImageType type,
                     int64_t size_bytes, uint64_t hash, bool dry_run);
