/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of schedules and alarms are likely to need and the daemon does not have: a
 * network, and programs that change their user. The packaged unit gives neither. Private to the
 * daemon.
 */
#pragma once

#include "config.h"

#include <glib.h>
#include <stdbool.h>

/* What a process may do, as far as commands are concerned. */
typedef struct {
    bool network;    /* there is an interface other than the loopback one */
    bool privileges; /* a program that is setuid or setgid gets the rights of its owner */
} CommandRights;

/* Of this process. What cannot be found out counts as given. */
CommandRights command_rights(void);

/* True if `text`, in the form of /proc/net/dev, names an interface other than the loopback one. */
bool command_rights_has_network(const char *text);

/*
 * Why the command line is likely to fail with these rights, "it names 'rsync', and there is no
 * network": NULL if nothing speaks against it. The program's name is looked for as a word, also
 * behind a path. Owner: the caller frees.
 */
char *command_needs_describe(const char *command, CommandRights rights);

/* Logs a warning for each command of the configuration that is likely to fail in this process. */
void command_needs_warn(const Config *config);
