/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A back-fill job as people and scripts see it.
 */
#pragma once

#include "jobs.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/*
 * The state as it is: one that the store has as under way waits in truth where it is not served: no
 * daemon runs, since it was killed or cut off.
 */
JobState job_view_state(const StoreJob *job, bool is_served);

/* Its filters as options, "--prefix 2026/ --type png"; "" for none. Owner: the caller frees. */
char *job_view_filters(const StoreJob *job);

/* What is to be said of its end: "cancelled", "2 objects are dead"; NULL if nothing. Owner: the
 * caller frees. */
char *job_view_reason(const StoreJob *job);

/* {"id":3,"state":"RUNNING",...}. The caller has the reference. */
json_t *job_view_json(const StoreJob *job, bool is_served);

/* All that is known of it, in lines. */
void job_view_print(const StoreJob *job, bool is_served, int64_t now_us);

/* How it went, in one line: "job 3 SUCCEEDED: 1,234 objects in 12.3 s". */
void job_view_print_end(const StoreJob *job);
