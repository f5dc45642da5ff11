/* SPDX-License-Identifier: Apache-2.0 */
/* A back-fill job as JSON, as `thumbq reprocess list --json` prints it. */
#pragma once

#include "model/job.h"

#include <jansson.h>

/*
 * Makes {"id":3,"state":"RUNNING",...}. `state` stands in place of the job's own state: no daemon
 * may be running. `filters` are options as text; `reason` explains the state, NULL for none. The
 * caller has the reference.
 */
json_t *job_json(const BatchJob *job, JobState state, const char *filters, const char *reason);
