/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command of the user's beside the event loop: `run = exec ...` of a schedule, `notify =
 * exec
 * ...` of an alarm.
 *
 * A run gets a text on its standard input, has a time limit and always has an end: what is left of
 * its process group when the command itself has ended, or when its time is up, is killed. Nothing
 * here blocks; everything happens in the default GLib main context. No descriptor of the daemon
 * reaches the command: its output goes to the daemon's stderr, the log.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of standard input. */
#define COMMAND_INPUT_MAX ((size_t)1 << 20)

/* Between the request to end, SIGTERM, when the time is up, and SIGKILL. */
#define COMMAND_GRACE_US (2 * INT64_C(1000000))

typedef struct {
    const char *command;            /* for /bin/sh -c */
    const char *directory;          /* it runs in */
    const char *const *environment; /* "NAME=value", up to NULL: added to the daemon's own */
    const char *input;              /* its standard input: COMMAND_INPUT_MAX at the most */
    int64_t timeout_us;             /* over 0, up to 24 days */
} CommandOptions;

typedef enum {
    COMMAND_EXITED,    /* by itself, with `status` */
    COMMAND_KILLED,    /* by the signal `status`, which was not ours */
    COMMAND_TIMED_OUT, /* its time was up */
} CommandEnd;

/* How a run went. Memory is that of the largest process of it that was waited for. */
typedef struct {
    CommandEnd end;
    int status;
    int64_t duration_us;
    int64_t cpu_us; /* user + system */
    int64_t memory_bytes;
} CommandOutcome;

/* True if it exited by itself with status 0. */
bool command_outcome_is_ok(const CommandOutcome *outcome);

/* "ok", "exit status 3", "killed by signal 9 (Killed)", "killed after its time limit". Owner: the
 * caller frees. */
char *command_outcome_describe(const CommandOutcome *outcome);

typedef struct CommandRun CommandRun;

/* `outcome` is borrowed for the call. The run is freed after it. */
typedef void (*CommandDone)(const CommandOutcome *outcome, void *data);

/*
 * Starts the command. `options` is used for the call only. `done` is called once, never from within
 * this. Errors: ERROR_USAGE for an input that is too long, or as error_set_errno: the directory is
 * not there, no process can be had. Owner: the run itself, or command_run_cancel.
 */
CommandRun *command_run_start(const CommandOptions *options, CommandDone done, void *data,
                              GError **error);

/* Kills the run at once, waits for its end, frees it. `done` is not called. */
void command_run_cancel(CommandRun *run);
