/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command of a rule: `run = exec COMMAND` of a schedule or a trigger, `notify = exec COMMAND`
 * of an alarm. It runs in the bucket, with the path of the bucket and the name of the rule in its
 * environment.
 */
#pragma once

#include "rules/command_run.h"

#include <glib.h>
#include <stdint.h>

typedef struct {
    /* The command line. */
    const char *command;
    /* Path of the bucket. */
    const char *bucket;
    /* Name of the variable with the name of the rule: "THUMBQ_TRIGGER". */
    const char *variable;
    const char *name;
    /* As of CommandOptions. */
    const char *input;
    int64_t timeout_us;
} RuleCommand;

/* Returns the command line of "exec COMMAND", borrowed from `run`; NULL for any other value. */
const char *rule_command_line(const char *run);

/* Starts the command. `command` is used during the call only. Errors and owner: as
 * command_run_start. */
CommandRun *rule_command_start(const RuleCommand *command, CommandDone done, void *data,
                               GError **error);
