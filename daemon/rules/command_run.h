/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command of the user beside the event loop: `run = exec ...` of a schedule, `notify = exec
 * ...` of an alarm.
 *
 * A run gets a text on its standard input, has a time limit and always ends: when the command has
 * ended, or its time is over, the rest of its process group is killed. Nothing here blocks;
 * everything happens in the default GLib main context. No descriptor of the daemon reaches the
 * command: its output goes to the daemon's stderr, the log.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of standard input. */
#define COMMAND_INPUT_MAX ((size_t)1 << 20)

/* Time between SIGTERM, at the time limit, and SIGKILL. */
#define COMMAND_GRACE_US (2 * INT64_C(1000000))

typedef struct {
    /* For /bin/sh -c. */
    const char *command;
    /* The working directory. */
    const char *directory;
    /* "NAME=value", ended by NULL: added to the daemon's own. */
    const char *const *environment;
    /* Standard input: at most COMMAND_INPUT_MAX bytes. */
    const char *input;
    /* Over 0, up to 24 days. */
    int64_t timeout_us;
} CommandOptions;

typedef enum {
    /* The command exited with `status`. */
    COMMAND_EXITED,
    /* The signal `status`, not sent by this module, killed the command. */
    COMMAND_KILLED,
    /* The time limit was reached. */
    COMMAND_TIMED_OUT,
} CommandEnd;

/* The result of a run. Memory is that of the largest process of the run that was waited for. */
typedef struct {
    CommandEnd end;
    int status;
    int64_t duration_us;
    /* User + system. */
    int64_t cpu_us;
    int64_t memory_bytes;
} CommandOutcome;

/* True if the command exited by itself with status 0. */
bool command_outcome_is_ok(const CommandOutcome *outcome);

/* Formats "ok", "exit status 3", "killed by signal 9 (Killed)" or "killed after its time limit".
 * Owner: the caller frees. */
char *command_outcome_describe(const CommandOutcome *outcome);

typedef struct CommandRun CommandRun;

/* `outcome` is borrowed for the call. The run is freed after the call. */
typedef void (*CommandDone)(const CommandOutcome *outcome, void *data);

/*
 * Starts the command. `options` is used during the call only. `done` is called once, never from
 * within this function. Errors: ERROR_USAGE for an input that is too long; as error_set_errno if
 * the directory does not exist, or no process can be made. Owner: the run itself, or
 * command_run_cancel.
 */
CommandRun *command_run_start(const CommandOptions *options, CommandDone done, void *data,
                              GError **error);

/* Kills the run at once, waits for its end, and frees it. `done` is not called. */
void command_run_cancel(CommandRun *run);
