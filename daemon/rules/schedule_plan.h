/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule of the configuration, parsed: when it is due, and the work that it starts then. */
#pragma once

#include "config/config.h"
#include "daemon/sweep.h"
#include "daemon/window.h"
#include "watcher/cron.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    /* Borrowed from the configuration. */
    const ScheduleConfig *config;
    Cron *cron;
    /* If WINDOW_NONE, see `kinds`. */
    WindowTurn turn;
    /* If 0, see `command`. */
    SweepKinds kinds;
    /* Borrowed from `config`. */
    const char *command;
} SchedulePlan;

/* Parses a schedule of `config`. Errors: ERROR_CONFIG, with file and line. Owner:
 * schedule_plan_clear, also on error. */
bool schedule_plan_init(SchedulePlan *plan, const Config *config, const ScheduleConfig *row,
                        GError **error);
void schedule_plan_clear(SchedulePlan *plan);

/* Returns a hash of the expression and its zone. If it changes, earlier due times no longer count.
 * */
uint64_t schedule_plan_hash(const SchedulePlan *plan);
