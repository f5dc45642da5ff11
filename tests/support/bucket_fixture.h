/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket in a temporary folder, and everything that it reports, as lines of text: "OBJECT a.jpg
 * (scan)". The tests of the bucket share it. The current folder is the bucket. */
#pragma once

#include "bucket/bucket_private.h"

typedef struct {
    /* Temporary folder that holds the bucket. */
    char *outer;
    /* Folder of the bucket. */
    char *path;
    Bucket *bucket;
    /* Lines of text, one for each event, as "OBJECT a.jpg". */
    GPtrArray *lines;
    /* Line -> number of times. */
    GHashTable *counts;
    /* Size of the file of each line; -1: the line has none. */
    GArray *sizes;
    /* Number of objects in the last SCAN_END. */
    uint64_t n_objects;
    /* The callback frees the bucket at this line. */
    const char *free_at;
} Fixture;

/* Line of a file that marks the end. */
#define LAST "OBJECT ~last"

/* Set a test up and tear it down, for g_test_add. */
void fixture_setup(Fixture *f, gconstpointer unused_data);
void fixture_teardown(Fixture *f, gconstpointer unused_data);
#define FIXTURE_ADD(path, data, test)                                                              \
    g_test_add(path, Fixture, data, fixture_setup, test, fixture_teardown)

/* The callback of the bucket. */
void fixture_record(const BucketEvent *event, void *data);

/* Open the bucket. start() also waits for the end of the first scan, and forgets its lines. */
BucketOptions options_of(const Fixture *f);
void open_with(Fixture *f, const BucketOptions *options);
void start(Fixture *f);

/* Run the main context until the line was reported, or fail after a long deadline. */
void await(Fixture *f, const char *line);
void await_times(Fixture *f, const char *line, guint times);

/* Runs the main context until every earlier change has been reported: the rescan begins after the
 * changes, and its end comes after all earlier events of the kernel. */
void await_scan(Fixture *f);

/* Runs the main context until no file settles, no move is incomplete and no scan runs. */
void await_quiet(Fixture *f);

guint count_of(const Fixture *f, const char *line);

/* Position of the first such line; -1: there is none. */
int index_of(const Fixture *f, const char *line);

/* Size of the file of the line. */
int64_t size_of(const Fixture *f, const char *line);
void assert_none_starts(const Fixture *f, const char *start);
void forget_lines(Fixture *f);

/* Runs a shell command, which must succeed. */
void run(const char *command);
void write_file(const char *path, size_t size);

/* Root may do anything, so this becomes another user until become_root. False: it failed. */
bool become_nobody(Fixture *f);
void become_root(void);
