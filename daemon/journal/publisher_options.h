/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the publisher: see publish.h. Private to the daemon. */
#pragma once

#include "journal/access.h"
#include "journal/mark.h"

#include <stdbool.h>

typedef struct {
    const char *bucket;
    /* Below the bucket, or absolute. */
    const char *prefix;
    /* Copied. */
    const MarkKey *mark;
    /* publisher_sync waits for the disk. */
    bool durable;
    /* Mode of thumbnails: ACCESS_OF_SOURCE, or 0644 and the like. */
    int mode;
    /* Takes over an absolute prefix of another bucket. */
    bool adopt;
    /* Nothing is made, renamed or written. */
    bool read_only;
    /* With read_only: an empty folder that stands for a missing prefix folder. */
    int stand_in_fd;
} PublisherOptions;
