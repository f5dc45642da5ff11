/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the requests of commands to a running daemon: see command_server.c. */
#pragma once

#include "journal/bucket_state.h"
#include "passes/backfill.h"
#include "passes/sweep_task.h"
#include "rules/window_switch.h"

#include <glib.h>
#include <stdbool.h>

typedef struct CommandServer CommandServer;
typedef struct Triggers Triggers;

/* The parts of the daemon that requests use. Borrowed. */
typedef struct {
    const BucketState *state;
    const SweepParts *sweeps;
    const Backfill *backfill;
    const WindowSwitch *window;
    /* See RequestParts. */
    Triggers *const *triggers;
} CommandServerParts;

/* Makes the control socket and listens. Copies `parts`. NULL on error: as control_listen. Owner:
 * command_server_free, before the passes are freed. */
CommandServer *command_server_open(const CommandServerParts *parts, GError **error);
void command_server_free(CommandServer *server);

/* Answers the commands that wait for the daemon to settle. Call it when the daemon has settled. */
void command_server_check_settled(CommandServer *server);

/* Answers the commands that wait for a job whose end is committed. */
void command_server_check_jobs(CommandServer *server);

/* Applies the groups with access of the configuration in force. */
void command_server_configure(CommandServer *server);

/* Listens in the present state folder. Has no effect if the socket is in its place. Errors: as
 * command_server_open. */
bool command_server_renew(CommandServer *server, GError **error);
