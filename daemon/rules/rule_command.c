/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/rule_command.h"

#include <string.h>

#define PREFIX "exec "

const char *rule_command_line(const char *run)
{
    return g_str_has_prefix(run, PREFIX) ? run + strlen(PREFIX) : NULL;
}

CommandRun *rule_command_start(const RuleCommand *command, CommandDone done, void *data,
                               GError **error)
{
    g_autofree char *bucket = g_strconcat("THUMBQ_BUCKET=", command->bucket, NULL);
    g_autofree char *name = g_strconcat(command->variable, "=", command->name, NULL);
    const char *const environment[] = {bucket, name, NULL};
    const CommandOptions options = {.command = command->command,
                                    .directory = command->bucket,
                                    .environment = environment,
                                    .input = command->input,
                                    .timeout_us = command->timeout_us};

    return command_run_start(&options, done, data, error);
}
