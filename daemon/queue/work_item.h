/* SPDX-License-Identifier: Apache-2.0 */
/* A work item under way: the request to a handler, and the data that the judgement of its answer
 * needs. dispatch.c makes the work item, outcome.c ends it. */
#pragma once

#include "journal/bucket_state.h"
#include "kinds/kind.h"
#include "model/object.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Dispatch Dispatch;
typedef struct Outcomes Outcomes;

struct WorkItem {
    const Kind *kind;
    const BucketState *state;
    /* Receives the end of the work item. Borrowed. */
    Outcomes *outcomes;
    /* Submits the work item again if it needs another handler program. Borrowed. */
    Dispatch *dispatch;
    /* All work items under way, the oldest first. */
    GQueue *items;
    /* The link in `items`. */
    GList link;
    uint64_t generation;
    /* Id of the record. */
    uint64_t id;
    /* Serial number of the invocation. */
    uint64_t serial;
    char *key;
    /* Owned: work items of the same group may share a worker. */
    char *group;
    /* Stays open, to check whether the object changed while it was read; -1: lent. */
    int source_fd;
    ObjectVersion version;
    /* Attempts before this one. */
    int attempts;
    /* Nice value of its handler; 0: a user waits for the work item. */
    int nice;
    int64_t uploaded_us;
    /* Wall clock. */
    int64_t start_us;
    uint8_t request_id[16];
    /* The handler program of the invocation under way: its number in the table. */
    size_t program;
    /* No process of that program could be started for the work item. */
    bool start_failed;
    /* The work item needs a handler program that is not installed. */
    bool lacks_program;
    /* The cost of the invocations of other programs before this one. */
    InvocationUsage spent;
    /* The work item may not be lent. */
    bool stays_here;
    /* The work item was submitted to the borrowers. */
    bool is_lent;
    /* The invocation shows the memory that such work takes. */
    bool is_worked;
    /* No handler was free at some time since the work item was due. */
    bool throttled;
    /* Number of work items under way at its start, itself included. */
    int concurrency;
    /* The output may not be written: the object is not at fault. */
    bool refused;
    /* The work item was to run without others. */
    bool is_alone;
    /* A shortage of processors or memory: the failure does not count as an attempt. */
    bool excused;
    /* Delay of the next try if excused. */
    int64_t excuse_delay_us;
    /* The object waits for its mount. */
    bool is_away;
};

/* Makes a work item of this kind for the record, as the last of `items`. `once`: see
 * daemon_options.h. Owner: work_item_free, which removes the work item from `items`. */
WorkItem *work_item_new(const Kind *kind, const BucketState *state, bool once, Outcomes *outcomes,
                        GQueue *items, const Record *record);
void work_item_free(WorkItem *item);

/* Returns the limit of memory of the work item's handler program, bytes. */
int64_t work_item_memory_bytes(const WorkItem *item);

/* Returns the cost of all invocations of the work item, the last one of which cost `usage`. */
InvocationUsage work_item_total_usage(const WorkItem *item, const InvocationUsage *usage);

/* Opens the source of a lent work item anew. Returns -1 if the file is not the work item's version,
 * or cannot be opened. Takes a WorkItem. Owner: the caller closes. */
int work_item_open_source(void *item);
