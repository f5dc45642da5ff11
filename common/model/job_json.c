/* SPDX-License-Identifier: Apache-2.0 */
#include "model/job_json.h"

#include "model/json_value.h"

json_t *job_json(const BatchJob *job, JobState state, const char *filters, const char *reason)
{
    json_t *object = json_object();

    json_object_set_new(object, "id", json_integer(job->id));
    json_object_set_new(object, "state", json_string(job_state_name(state)));
    json_object_set_new(object, "reason", reason ? json_string(reason) : json_null());
    json_object_set_new(object, "filters", json_string(filters));
    json_object_set_new(object, "submitted", json_value_millis(job->submitted_us));
    json_object_set_new(object, "started", json_value_millis(job->started_us));
    json_object_set_new(object, "ended", json_value_millis(job->ended_us));
    json_object_set_new(object, "total", json_integer((json_int_t)job->total));
    json_object_set_new(object, "queued", json_integer((json_int_t)job->queued));
    json_object_set_new(object, "done", json_integer((json_int_t)job->done));
    json_object_set_new(object, "failed", json_integer((json_int_t)job->failed));
    json_object_set_new(object, "gone", json_integer((json_int_t)job->gone));
    return object;
}
