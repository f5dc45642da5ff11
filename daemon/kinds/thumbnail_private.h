/* SPDX-License-Identifier: Apache-2.0 */
/* A work item that makes thumbnails: shared by thumbnail.c, which prepares and settles it, and
 * thumbnail_judge.c, which judges its answer. Private to the two. */
#pragma once

#include "handlers/thumbnail_kind.h"
#include "queue/work_item.h"

typedef struct {
    WorkItem item;
    ThumbnailOrder order;
    /* The thumbnails exist: only the date of the picture is read. */
    bool only_date;
    /* Unnamed files for the thumbnails; -1: not made yet. */
    int outputs[RENDITIONS_MAX];
    /* Existing thumbnails, made with the present recipe from this version. */
    Thumbnail kept[RENDITIONS_MAX];
    size_t n_kept;
    /* All thumbnails that the object had before. */
    Thumbnail before[RENDITIONS_MAX];
    size_t n_before;
} ThumbnailItem;

/* The function `judge` of the Kind. */
void thumbnail_judge(WorkItem *item, const Answer *answer, StoreOutcome *outcome);
