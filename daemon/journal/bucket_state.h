/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket and its state: the configuration in force, and the open places. Modules that read or
 * change the state hold a pointer to this struct, because its members change while the daemon runs:
 * `config` at a reload, and the open places while the journal reopens them. All members are
 * borrowed by these modules.
 */
#pragma once

#include "config/config.h"
#include "journal/lock.h"
#include "journal/mark.h"
#include "journal/publish.h"
#include "store/store.h"
#include "watcher/bucket.h"

typedef struct Journal Journal;

typedef struct {
    /* Absolute path of the bucket. */
    const char *bucket_path;
    /* In force. */
    const Config *config;

    /* Path of the state folder. */
    char *path;
    /* Contains the descriptor of the state folder. */
    Lock lock;
    /* Key of the thumbnails' marks. */
    MarkKey mark;
    Journal *journal;
    /* NULL while the journal reopens it. */
    Store *store;
    Publisher *publisher;
    /* NULL: the bucket is not watched. */
    Bucket *bucket;
} BucketState;
