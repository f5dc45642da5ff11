/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket in a temporary folder, and all that it reports, as lines of text: "OBJECT a.jpg (scan)".
 * Shared by the tests of the bucket; the current folder is the bucket.
 */
#pragma once

#include "bucket_private.h"

typedef struct {
    char *outer; /* temporary folder, which holds the bucket */
    char *path;  /* the bucket */
    Bucket *bucket;
    GPtrArray *lines;    /* of text, one per event, as "OBJECT a.jpg" */
    GHashTable *counts;  /* line -> times */
    GArray *sizes;       /* of the file of each line, -1 where it has none */
    uint64_t n_objects;  /* of the last SCAN_END */
    const char *free_at; /* bucket_free from within the callback at this line */
} Fixture;

#define LAST "OBJECT ~last" /* of a file that marks the end */

/* For g_test_add. */
void fixture_setup(Fixture *f, gconstpointer unused_data);
void fixture_teardown(Fixture *f, gconstpointer unused_data);
#define FIXTURE_ADD(path, data, test)                                                              \
    g_test_add(path, Fixture, data, fixture_setup, test, fixture_teardown)

/* The callback. */
void fixture_record(const BucketEvent *event, void *data);

/* Opens the bucket; start() also lets its first scan end, and forgets what it reported. */
BucketOptions options_of(const Fixture *f);
void open_with(Fixture *f, const BucketOptions *options);
void start(Fixture *f);

/* Run the main context until the line was reported, or fail after a deadline that is far away. */
void await(Fixture *f, const char *line);
void await_times(Fixture *f, const char *line, guint times);

/*
 * Runs the main context until all that was done so far has been seen: a rescan begins after it and
 * its end comes after everything the kernel told before.
 */
void await_scan(Fixture *f);

/* Runs the main context until nothing is waited for any more. */
void await_quiet(Fixture *f);

guint count_of(const Fixture *f, const char *line);

/* Position of the first such line, or -1. */
int index_of(const Fixture *f, const char *line);

/* Of the file the line is about. */
int64_t size_of(const Fixture *f, const char *line);
void assert_none_starts(const Fixture *f, const char *start);
void forget_lines(Fixture *f);

/* A shell command, which must succeed. */
void run(const char *command);
void write_file(const char *path, size_t size);

/* Root may do anything: as somebody else, then, until become_root. */
bool become_nobody(Fixture *f);
void become_root(void);
