/* SPDX-License-Identifier: Apache-2.0 */
/* Walks: passes over many records, after an event about a whole folder, or after a scan. They
 * remove the records of missing objects, and move those of moved ones. */
#pragma once

#include "journal/bucket_state.h"
#include "passes/pass.h"
#include "queue/away.h"
#include "queue/folders.h"
#include "queue/objects.h"

#include <glib.h>

typedef enum {
    /* Records below `from` whose object is gone. */
    WALK_REMOVED,
    /* Records below `from`: the bucket no longer searches for uploads there. */
    WALK_HIDDEN,
    /* Records below `from` move to below `to`. */
    WALK_MOVED,
    /* All records that the scan did not meet and whose object is gone. */
    WALK_MISSING,
} WalkType;

/* The parts of the daemon that walks use. Borrowed. */
typedef struct {
    const BucketState *state;
    Passes *passes;
    Objects *objects;
    Folders *folders;
    Away *away;
} WalkParts;

/* Starts a walk. Copies `parts`. Takes `seen` (may be NULL). */
void walk_start(const WalkParts *parts, WalkType type, const char *from, const char *to,
                GByteArray *seen);
