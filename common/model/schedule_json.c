/* SPDX-License-Identifier: Apache-2.0 */
#include "model/schedule_json.h"

#include "base/clock.h"
#include "model/json_value.h"

static json_t *next_json(const char *const *times)
{
    json_t *next = json_array();

    for (; *times; times++)
        json_array_append_new(next, json_string(*times));
    return next;
}

/* Makes the last run; null before the first. */
static json_t *last_json(const ScheduleState *state, int64_t now_us)
{
    char time[CLOCK_TEXT_MAX], due[CLOCK_TEXT_MAX];

    if (state->time_us == 0)
        return json_null();
    return json_pack("{s:s, s:s, s:f, s:s, s:o}", "time", clock_format_millis(state->time_us, time),
                     "outcome", run_outcome_name(state->outcome), "duration_ms",
                     (double)schedule_run_duration_us(state, now_us) / CLOCK_US_PER_MS, "due",
                     clock_format_seconds(state->due_us, due), "detail",
                     json_value_text(state->text));
}

json_t *schedule_json(const ScheduleInfo *schedule, int64_t now_us)
{
    json_t *object = json_object();

    json_object_set_new(object, "name", json_value_text(schedule->name));
    json_object_set_new(object, "expression", json_value_text(schedule->expression));
    json_object_set_new(object, "timezone", json_value_text(schedule->timezone));
    json_object_set_new(object, "run", json_value_text(schedule->run));
    json_object_set_new(object, "catchup", json_string(schedule->catchup));
    json_object_set_new(object, "next", next_json(schedule->next));
    json_object_set_new(object, "last", last_json(schedule->state, now_us));
    json_object_set_new(object, "daemon",
                        schedule->is_daemon_known ? json_boolean(schedule->has_daemon)
                                                  : json_null());
    return object;
}
