/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a daemon: whether it is to end, when, and why. The first reason is kept. A module
 * that finds a fatal condition reports it here; settle.c ends the loop when the work is done.
 * SIGINT and SIGTERM end it, too.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DaemonRun DaemonRun;

/* Makes a run that has no reason to end. Owner: run_free, when no source of the loop uses it any
 * more. */
DaemonRun *run_new(void);
void run_free(DaemonRun *run);

/* Callbacks for signals. Each may be NULL. */
typedef struct {
    /* SIGHUP, which is not handled if this is NULL. */
    void (*reload)(void *data);
    /* The first signal that is to end the loop. */
    void (*stopping)(void *data);
    void *data;
} RunSignals;

/* Handles SIGINT and SIGTERM: the first one acts as run_stop, the second ends the loop. Copies
 * `signals`. Errors: as error_set_errno. */
bool run_listen(DaemonRun *run, const RunSignals *signals, GError **error);

/* Runs the loop until it ends, at most `timeout_us` microseconds; 0: no limit. Not after
 * run_fail. */
void run_loop(DaemonRun *run, int64_t timeout_us);

/* Ends the loop now. */
void run_end(DaemonRun *run);

/* Ends the loop with an error. Takes `error`, which is dropped if there is one already. */
void run_fail(DaemonRun *run, GError *error);

/* Stops new work; the loop ends when the work under way has ended. */
void run_stop(DaemonRun *run);
bool run_is_stopping(const DaemonRun *run);

/* The error of the run; NULL: none. Borrowed. */
const GError *run_error(const DaemonRun *run);

/* True if the timeout ended the loop early; run_was_interrupted: if a signal did. Neither counts as
 * an error of the run. */
bool run_is_out_of_time(const DaemonRun *run);
bool run_was_interrupted(const DaemonRun *run);
