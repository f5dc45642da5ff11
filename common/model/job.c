/* SPDX-License-Identifier: Apache-2.0 */
#include "model/job.h"

#include <glib.h>

const char *job_state_name(JobState state)
{
    static const char *const names[JOB_STATES_END] = {
        [JOB_SUBMITTED] = "SUBMITTED", [JOB_PENDING] = "PENDING", [JOB_RUNNABLE] = "RUNNABLE",
        [JOB_STARTING] = "STARTING",   [JOB_RUNNING] = "RUNNING", [JOB_SUCCEEDED] = "SUCCEEDED",
        [JOB_FAILED] = "FAILED",
    };
    bool is_known = state >= JOB_SUBMITTED && state < JOB_STATES_END;

    return is_known ? names[state] : "UNKNOWN";
}

bool job_has_ended(const BatchJob *job)
{
    return job->state == JOB_SUCCEEDED || job->state == JOB_FAILED;
}

uint64_t job_handled(const BatchJob *job)
{
    return job->done + job->failed + job->gone;
}

uint64_t job_waiting(const BatchJob *job)
{
    return job->queued - MIN(job_handled(job), job->queued);
}
