/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back-fill jobs: objects that a filter selects, to be made once more. A row per job, changed in
 * the same transactions as the objects: whoever dies, the row says how far the job is.
 *
 * A job walks over the records in the order of their keys and makes those that match pending, each
 * marked with its number (record.h: `job`). An object leaves the job when it is done, skipped or
 * dead, or when it is removed; objects_change counts that, and nothing else does, so that the
 * counts hold whatever happens to the objects meanwhile.
 */
#pragma once

#include "store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The states of AWS Batch. Stored: added to, never renumbered. */
typedef enum {
    JOB_SUBMITTED = 1, /* written down */
    JOB_PENDING = 2,   /* another job is before it */
    JOB_RUNNABLE = 3,  /* its turn, but nobody works on it: there is no daemon */
    JOB_STARTING = 4,  /* first objects are queued, none has been handled: uploads go before them */
    JOB_RUNNING = 5,
    JOB_SUCCEEDED = 6, /* all that was to be made has been, or is no picture, or is gone */
    JOB_FAILED = 7,    /* some objects are dead, or it was cancelled */
} JobState;
#define JOB_STATES_END 8

typedef struct {
    uint32_t id; /* given once, from 1 on */
    JobState state;
    bool is_cancelled;
    bool is_walked; /* all records have been looked at: `total` is the last word */
    int64_t submitted_us, started_us, ended_us; /* wall clock; 0: not yet */
    uint64_t total;                             /* objects; before `is_walked` an estimate */
    uint64_t queued;                            /* of them, made pending up to now */
    uint64_t done, failed, gone;                /* of those: done or skipped; dead; removed */
    const char *filter;                         /* as filter_text_format; borrowed */
    const char *cursor;                         /* key that was looked at last; borrowed */
} StoreJob;

/* Ended jobs that are kept; the oldest go. */
#define STORE_JOBS_MAX 100

/* "SUBMITTED", ... Static. */
const char *job_state_name(JobState state);

/* SUCCEEDED or FAILED. */
bool job_has_ended(const StoreJob *job);

/* Objects that have left the job, and those that are in the queue for it. */
uint64_t job_handled(const StoreJob *job);
uint64_t job_waiting(const StoreJob *job);

/* ---- writing: as the changing calls of store.h --------------------------------------------------
 */

/*
 * Writes a new job down, behind all others. `total`: how many objects it seems to be for. Errors:
 * ERROR_USAGE for a filter that is none.
 */
bool store_job_submit(Store *store, const char *filter, uint64_t total, int64_t now_us,
                      uint32_t *ret_id, GError **error);

/*
 * The first job after `after` (0: of all) that has not ended, as the batch sees it. What *ret_job
 * borrows is valid until the next changing call.
 */
bool store_job_next(Store *store, uint32_t after, bool *ret_found, StoreJob *ret_job,
                    GError **error);

/* As the batch sees it. *ret_found false if there is no such job. */
bool store_job_peek(Store *store, uint32_t id, bool *ret_found, StoreJob *ret_job, GError **error);

/* Begin and end are noted with their time. Nothing happens to one that has ended. */
bool store_job_set_state(Store *store, uint32_t id, JobState state, int64_t now_us, GError **error);

/*
 * The object is one of the job's: pending with PRIORITY_BACKFILL (store_requeue) and marked, in one
 * with the cursor of the job, which is `key` now. *ret_taken false if it is gone, or marked
 * already.
 */
bool store_job_take(Store *store, uint32_t id, const char *key, int64_t now_us, bool *ret_taken,
                    GError **error);

/* All records up to `key` have been looked at; NULL: all there are. */
bool store_job_advance(Store *store, uint32_t id, const char *key, GError **error);

/*
 * No more objects are taken for it: FAILED. What is queued is made all the same. *ret_cancelled
 * false if there is no such job, or it has ended.
 */
bool store_job_cancel(Store *store, uint32_t id, int64_t now_us, bool *ret_cancelled,
                      GError **error);

/* ---- reading ------------------------------------------------------------------------------------
 */

/* *ret_found false if there is no such job. */
bool store_get_job(StoreSnapshot *snapshot, uint32_t id, bool *ret_found, StoreJob *ret_job,
                   GError **error);

/* False stops the walk. The job and what it borrows are valid for the call. */
typedef bool (*StoreVisitJob)(const StoreJob *job, void *data);

/* From the oldest to the newest. */
bool store_jobs(StoreSnapshot *snapshot, StoreVisitJob visit, void *data, GError **error);
