/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A back-fill job in the output for people and for scripts.
 */
#pragma once

#include "store/jobs.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* Returns the real state of a job. Without a daemon (`is_served` is false) a job that the store has
 * as running waits: the daemon was killed. */
JobState job_view_state(const BatchJob *job, bool is_served);

/* Returns the filters as options, such as "--prefix 2026/ --type png"; "" for none. Owner: the
 * caller frees. */
char *job_view_filters(const BatchJob *job);

/* Returns the reason for the job's state, such as "cancelled" or "2 objects are dead"; NULL for
 * none. Owner: the caller frees. */
char *job_view_reason(const BatchJob *job);

/* Returns the job as JSON, {"id":3,"state":"RUNNING",...}. Owner: the caller has the reference. */
json_t *job_view_json(const BatchJob *job, bool is_served);

/* Prints the job in lines for people. */
void job_view_print(const BatchJob *job, bool is_served, int64_t now_us);

/* Prints the result of the job in one line: "job 3 SUCCEEDED: 1,234 objects in 12.3 s". */
void job_view_print_end(const BatchJob *job);
