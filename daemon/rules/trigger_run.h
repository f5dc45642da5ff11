/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The delivery of one batch of a trigger: to its command, or to its function. It runs beside the
 * event loop and ends in one of three ways: the batch was taken, the batch has failed, or nothing
 * can take a batch now.
 */
#pragma once

#include "config/config.h"
#include "rules/trigger_parts.h"
#include "store/store_triggers.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    TRIGGER_RUN_OK,
    TRIGGER_RUN_FAILED,
    /* The batch is not to blame, and counts no attempt. */
    TRIGGER_RUN_PUT_OFF,
} TriggerRunEnd;

typedef struct {
    TriggerRunEnd end;
    /* The reason; borrowed. */
    const char *text;
    /* TRIGGER_RUN_PUT_OFF: when the receiver wants the next batch; 0: it has not said. */
    int64_t retry_us;
} TriggerRunOutcome;

typedef struct TriggerRun TriggerRun;

/* `outcome` is borrowed for the call. The run is freed after the call. */
typedef void (*TriggerRunDone)(const TriggerRunOutcome *outcome, void *data);

/* A batch to deliver. All pointers are borrowed during trigger_run_start only. */
typedef struct {
    const TriggerConfig *config;
    const TriggerParts *parts;
    const Delivery *delivery;
    /* Epoch of the store. */
    uint64_t epoch;
    /* An event per line. */
    const char *input;
} TriggerRunBatch;

/* True if the trigger runs a command, false if it calls a function. */
bool trigger_run_is_command(const TriggerConfig *config);

/* True if the run has a process. */
bool trigger_run_has_process(const TriggerRun *run);

/*
 * Starts the delivery. `done` is called once, never from within this function. NULL if nothing can
 * take the batch now. Errors: those of command_run_start and invoke_call_start. Owner: the run
 * itself, or trigger_run_cancel.
 */
TriggerRun *trigger_run_start(const TriggerRunBatch *batch, TriggerRunDone done, void *data,
                              GError **error);

/* Ends the command, or the call. `done` is not called. NULL is accepted. */
void trigger_run_cancel(TriggerRun *run);
