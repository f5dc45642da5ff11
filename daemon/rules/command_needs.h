/* SPDX-License-Identifier: Apache-2.0 */
/* Detects commands of schedules, alarms and triggers that need something which the daemon lacks: a
 * network, or programs that change their user. The packaged unit gives neither. Private to the
 * daemon. */
#pragma once

#include "config/config.h"

#include <glib.h>
#include <stdbool.h>

/* The rights of a process that matter to commands. */
typedef struct {
    /* There is an interface other than the loopback one. */
    bool network;
    /* A program that is setuid or setgid gets the rights of its owner. */
    bool privileges;
} CommandRights;

/* Returns the rights of this process. A right that cannot be determined counts as given. */
CommandRights command_rights(void);

/* True if `text`, in the form of /proc/net/dev, names an interface other than the loopback one. */
bool command_rights_has_network(const char *text);

/*
 * Explains why the command line is likely to fail with these rights, "it names 'rsync', and there
 * is no network"; NULL if no reason is found. A program's name is matched as a word, also behind a
 * path. Owner: the caller frees.
 */
char *command_needs_describe(const char *command, CommandRights rights);

/* Logs a warning for each command of the configuration that is likely to fail in this process. */
void command_needs_warn(const Config *config);
