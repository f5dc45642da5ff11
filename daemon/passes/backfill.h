/* SPDX-License-Identifier: Apache-2.0 */
/* Back-fill jobs: objects that are made once more. The store holds the jobs and their objects. This
 * module brings the objects into the queue, a window of them at a time, one job after the other. */
#pragma once

#include "base/progress_count.h"
#include "journal/bucket_state.h"
#include "passes/pass.h"
#include "run.h"
#include "store/jobs.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Borrowed pointers. */
typedef struct {
    const BucketState *state;
    Passes *passes;
    DaemonRun *run;
    /* The run ends when this job has ended; 0: it serves all jobs. */
    uint32_t only_job;
    /* Jobs are recorded only: a daemon works on them. */
    bool is_offline;
} Backfill;

/* Searches the store for jobs that have not ended. */
bool backfill_open(const Backfill *backfill, GError **error);

/* Begins the next job that has not ended, if there is one and none is under way. Call it when a job
 * may exist, and when the store takes changes again: the data on jobs in memory is lost then. */
void backfill_start(const Backfill *backfill);

/* True if no job waits. */
bool backfill_is_idle(const Backfill *backfill);

/* Records at the end of the daemon that the job under way is not worked on. */
void backfill_stop(const Backfill *backfill);

/* Returns false if there is no such job. */
bool backfill_progress(const Backfill *backfill, uint32_t id, ProgressCount *ret_count,
                       JobState *ret_state);

/* Returns the number of objects of all unfinished jobs that are not in the queue yet. */
uint64_t backfill_unqueued(const Backfill *backfill);

/*
 * Submits a job for the objects that `filter` (filter_text.h) selects; `total` is their estimated
 * number. A job with the same filter that has not ended is not begun again: then *ret_is_new is
 * false. Does not commit. Errors: ERROR_USAGE (the filter), those of the store.
 */
bool backfill_add(const Backfill *backfill, const char *filter, uint64_t total, uint32_t *ret_id,
                  bool *ret_is_new, GError **error);

/* Cancels the job. *ret_cancelled is false if there is no such job, or it has ended. Does not
 * commit. */
bool backfill_end(const Backfill *backfill, uint32_t id, bool *ret_cancelled, GError **error);
