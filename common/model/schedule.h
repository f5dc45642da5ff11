/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a schedule: the due times that were handled, and the last run. */
#pragma once

#include <stdint.h>

/* Result of a schedule's run. Stored: added to, never renumbered. */
typedef enum {
    RUN_FAILED = 0,
    RUN_OK = 1,
    /* The run was killed at its time limit. */
    RUN_TIMEOUT = 2,
    /* The daemon ended before the run did. */
    RUN_CUT_OFF = 3,
    /* The run has not ended yet. */
    RUN_GOING = 4,
} RunOutcome;
#define RUN_OUTCOMES 5

/* Returns the name of a result: "failed", "ok", "timeout", "interrupted", "running". Static. */
const char *run_outcome_name(RunOutcome outcome);

/* Bytes, with the final NUL. */
#define RUN_TEXT_MAX 256

/* Stored state of a schedule. */
typedef struct {
    /*
     * Hash of the settings that define the due times; after a change of them the schedule begins
     * anew.
     */
    uint64_t definition;
    /* Wall clock: all due times up to this one have been handled. */
    int64_t handled_us;
    /* The last run; time_us is 0 before the first. */
    /* Wall clock of the start. */
    int64_t time_us;
    /* Wall clock. */
    int64_t due_us;
    int64_t duration_us;
    RunOutcome outcome;
    /* For people: "exit status 3". */
    char text[RUN_TEXT_MAX];
    /* Wall clock: end of the last successful run; 0 before. */
    int64_t succeeded_us;
} ScheduleState;

/* Returns the duration of the last run; up to `now_us` if the run has not ended. */
int64_t schedule_run_duration_us(const ScheduleState *state, int64_t now_us);
