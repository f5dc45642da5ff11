/* SPDX-License-Identifier: Apache-2.0 */
/* A back-fill job: a filter selects objects whose thumbnails are made again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The states of AWS Batch. Stored: added to, never renumbered. */
typedef enum {
    /* The job was recorded. */
    JOB_SUBMITTED = 1,
    /* Another job runs before it. */
    JOB_PENDING = 2,
    /* The job is next, but no daemon is running. */
    JOB_RUNNABLE = 3,
    /* The first objects are queued, and none has been handled: uploads go first. */
    JOB_STARTING = 4,
    JOB_RUNNING = 5,
    /* All objects of the job were made, turned out to be no pictures, or were removed. */
    JOB_SUCCEEDED = 6,
    /* Some objects are dead, or the job was cancelled. */
    JOB_FAILED = 7,
} JobState;
#define JOB_STATES_END 8

typedef struct {
    /* Unique, from 1 on. */
    uint32_t id;
    JobState state;
    bool is_cancelled;
    /* All records have been checked, so `total` is final. */
    bool is_walked;
    /* Wall clock; 0: not yet. */
    int64_t submitted_us, started_us, ended_us;
    /* Number of objects; before `is_walked` an estimate, or 0 where they were not counted. */
    uint64_t total;
    /* Objects that were made pending so far. */
    uint64_t queued;
    /* Of these: done or skipped; dead; removed. */
    uint64_t done, failed, gone;
    /* As filter_text_format of the store writes it; borrowed. */
    const char *filter;
    /* Key of the last record that was checked; borrowed. */
    const char *cursor;
} BatchJob;

/* Returns the name of a state: "SUBMITTED", ... Static. */
const char *job_state_name(JobState state);

/* True for SUCCEEDED and FAILED. */
bool job_has_ended(const BatchJob *job);

/* Return the number of objects that have left the job, and of those in the queue for it. */
uint64_t job_handled(const BatchJob *job);
uint64_t job_waiting(const BatchJob *job);
