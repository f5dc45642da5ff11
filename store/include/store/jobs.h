/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back-fill jobs: a filter selects objects whose thumbnails are to be made again. Each job has a
 * row that changes in the same transactions as the objects, so the row shows the progress whichever
 * process dies.
 *
 * A job walks over the records in the order of their keys, makes matching ones pending and marks
 * them with its number (record.h: `job`). An object leaves the job when it is done, skipped, dead
 * or removed. Only objects_change counts that, so the counts are right whatever else happens to the
 * objects.
 */
#pragma once

#include "model/job.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Number of ended jobs to keep; the oldest are deleted. */
#define STORE_JOBS_MAX 100

/*
 * Records a new job behind all others. `total`: estimated number of its objects. Errors:
 * ERROR_USAGE for an invalid filter.
 */
bool store_job_submit(Store *store, const char *filter, uint64_t total, int64_t now_us,
                      uint32_t *ret_id, GError **error);

/*
 * Finds the first job with an id above `after` (0: of all) that has not ended, as the batch sees
 * it. The pointers in *ret_job are valid until the next changing call.
 */
bool store_job_next(Store *store, uint32_t after, bool *ret_found, BatchJob *ret_job,
                    GError **error);

/* Reads a job as the batch sees it. *ret_found is false if there is no such job. */
bool store_job_peek(Store *store, uint32_t id, bool *ret_found, BatchJob *ret_job, GError **error);

/*
 * Sets the state and records the time of the beginning and of the end. Does nothing for a job that
 * has ended.
 */
bool store_job_set_state(Store *store, uint32_t id, JobState state, int64_t now_us, GError **error);

/*
 * Adds an object to the job: makes it pending with PRIORITY_BACKFILL (store_requeue), marks it, and
 * moves the job's cursor to `key`, in one batch. *ret_taken is false if the object is gone or was
 * marked before.
 */
bool store_job_add(Store *store, uint32_t id, const char *key, int64_t now_us, bool *ret_taken,
                   GError **error);

/* Moves the cursor: all records up to `key` have been checked; NULL: all records. */
bool store_job_advance(Store *store, uint32_t id, const char *key, GError **error);

/*
 * Cancels a job: it becomes FAILED and takes no more objects. Objects that are queued are still
 * handled. *ret_cancelled is false if there is no such job, or if it has ended.
 */
bool store_job_cancel(Store *store, uint32_t id, int64_t now_us, bool *ret_cancelled,
                      GError **error);

/* Reads a job. *ret_found is false if there is no such job. */
bool store_get_job(StoreSnapshot *snapshot, uint32_t id, bool *ret_found, BatchJob *ret_job,
                   GError **error);

/* Called with each job; false stops the walk. The job and its pointers are valid for the call. */
typedef bool (*StoreVisitJob)(const BatchJob *job, void *data);

/* Visits all jobs from the oldest to the newest. */
bool store_jobs(StoreSnapshot *snapshot, StoreVisitJob visit, void *data, GError **error);
