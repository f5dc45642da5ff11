/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a page of a bucket's objects from its folders, in the order of the keys' bytes. Blocks: it
 * runs in a thread. */
#pragma once

#include "s3/folder_names.h"
#include "s3/s3_bucket.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Most entries of a page. */
#define LIST_KEYS_MAX 1000
typedef struct {
    /* Key of an object, or a common prefix. */
    char *key;
    bool is_prefix;
    int64_t size, mtime_us;
    /* ETag without quotes; NULL for a common prefix. */
    char *etag;
} ListEntry;

typedef struct {
    /* The keys of the page begin with `prefix` and come after `after`; "": none. */
    const char *prefix, *delimiter, *after;
    unsigned max;
} ListQuestion;

typedef struct {
    /* Elements: ListEntry, owned. */
    GArray *entries;
    bool is_truncated;
    S3Fault fault;
} ListPage;

/*
 * Reads a page. `fault` has an error: a page never leaves out objects because a folder could not be
 * read. Left out are only folders that the gateway has no right to read, and keys that are longer
 * than S3_KEY_MAX. Owner: list_page_free.
 */
ListPage *list_read(FolderNames *names, const S3Bucket *bucket, const ListQuestion *question);
void list_page_free(ListPage *page);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ListPage, list_page_free)
