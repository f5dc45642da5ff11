/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a bucket that follow from the configuration: no uploads are searched for in the
 * folders of its thumbnails and of its state. */
#pragma once

#include "config/config.h"
#include "watcher/bucket.h"

typedef struct {
    char *prefix, *state;
    const char *reserved[3];
} BucketView;

/* Sets the path, the reserved folders and the time between scans of `ret_options`, which borrows
 * from `view`. All other members are zero. Owner: bucket_view_clear. */
void bucket_view_init(BucketView *view, const char *bucket, const Config *config,
                      BucketOptions *ret_options);
void bucket_view_clear(BucketView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BucketView, bucket_view_clear)
