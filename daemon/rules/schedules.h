/* SPDX-License-Identifier: Apache-2.0 */
/* The schedules of the configuration: due times, missed runs and results. They start sweeps and
 * commands, and turn the switch of back-fill. Each run is logged. */
#pragma once

#include "config/config.h"
#include "journal/bucket_state.h"
#include "passes/sweep_task.h"
#include "rules/window_switch.h"
#include "run.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Schedules Schedules;

/* The parts of the daemon that schedules use. Borrowed. */
typedef struct {
    const BucketState *state;
    DaemonRun *run;
    WindowSwitch *window;
    const SweepParts *sweeps;
} ScheduleParts;

/*
 * Makes the schedules of a configuration, which must outlive them. They are inactive until
 * schedules_start, and do not use the parts before. Copies `parts`; NULL: they are only checked.
 * Errors: ERROR_CONFIG, with file and line, for a wrong expression or `run`. Owner: schedules_free.
 */
Schedules *schedules_new(const ScheduleParts *parts, const Config *config, GError **error);

/* Takes over the state and the runs of `old`, and frees `old`. Schedules of the same name continue.
 * Runs of schedules that no longer exist are finished. */
void schedules_adopt(Schedules *schedules, Schedules *old);

/* Activates the schedules. The start time of each new schedule is part of the batch. The store must
 * be open. May be called again. Errors: those of the store. */
bool schedules_start(Schedules *schedules, GError **error);

/* Saves the state of each schedule again, after a batch was lost. */
void schedules_doubt(Schedules *schedules);

/* Computes the due times again after a change of the local zone. */
void schedules_zone_changed(Schedules *schedules);

/* Records the current runs as interrupted. Call it before the last commit. */
void schedules_stop(Schedules *schedules);

/* Kills the running commands. */
void schedules_free(Schedules *schedules);
