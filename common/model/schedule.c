/* SPDX-License-Identifier: Apache-2.0 */
#include "model/schedule.h"

#include <glib.h>

const char *run_outcome_name(RunOutcome outcome)
{
    static const char *const names[RUN_OUTCOMES] = {
        [RUN_FAILED] = "failed",       [RUN_OK] = "ok",         [RUN_TIMEOUT] = "timeout",
        [RUN_CUT_OFF] = "interrupted", [RUN_GOING] = "running",
    };
    return names[outcome];
}

int64_t schedule_run_duration_us(const ScheduleState *state, int64_t now_us)
{
    return state->outcome == RUN_GOING ? MAX(now_us - state->time_us, 0) : state->duration_us;
}
