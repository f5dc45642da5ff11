/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule as JSON, as `thumbq schedule --json` prints it. */
#pragma once

#include "model/schedule.h"

#include <jansson.h>
#include <stdbool.h>

/* All pointers are borrowed. */
typedef struct {
    const char *name, *expression, *timezone, *run, *catchup;
    /* The next due times in the zone of the schedule; NULL ends the list. */
    const char *const *next;
    /* All zero before the first run. */
    const ScheduleState *state;
    /* Whether a daemon runs the schedule; it may be unknown. */
    bool is_daemon_known, has_daemon;
} ScheduleInfo;

/* Makes {"name":"nightly","expression":"0 3 * * *",...}. The caller has the reference. */
json_t *schedule_json(const ScheduleInfo *schedule, int64_t now_us);
