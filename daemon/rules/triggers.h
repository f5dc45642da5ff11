/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivers events of the log to the commands and functions of triggers, each event at least once.
 *
 * A trigger reads the log behind its cursor. While its command runs, the cursor stays; a success
 * moves it. A batch for a function succeeds when the program that runs functions has it in its own
 * queue; while that program does not answer, the cursor stays. A failed batch becomes a delivery in
 * the store, which is tried again, and the cursor moves on. After the last attempt the delivery is
 * a dead letter. Only events that are on disk are delivered. A crash at any point repeats at most
 * the batches that were under way.
 *
 * A trigger delivers one batch at a time, and all triggers together run TRIGGER_COMMANDS_MAX
 * commands.
 */
#pragma once

#include "config/config.h"
#include "rules/trigger_parts.h"

#include <glib.h>
#include <stdbool.h>

#define TRIGGER_COMMANDS_MAX 8

typedef struct Triggers Triggers;

/* Makes the triggers of a daemon, without any trigger yet. Owner: triggers_free, which ends running
 * commands; their events are delivered again later. */
Triggers *triggers_new(const TriggerParts *parts);
void triggers_free(Triggers *triggers);

/* Takes the triggers of the configuration, which is borrowed until the next call. A running command
 * continues if its trigger exists further on. Starts no command before triggers_load. */
void triggers_configure(Triggers *triggers, const Config *config);

/* Reads the states from the store, and begins to deliver. A trigger without a state begins with the
 * next event. States of triggers that are not configured are removed. */
bool triggers_load(Triggers *triggers, GError **error);

/* Puts the cursors that have moved into the batch, which is about to be committed. */
void triggers_committing(Triggers *triggers);

/* Another part is about to change states or deliveries in the store: puts the cursors that have
 * moved into the batch, begins no delivery and skips no event until its commit, and reads all
 * states anew then. NULL: does nothing. A row for each trigger at most. Returns false if the batch
 * is lost. */
bool triggers_yield(Triggers *triggers);

/* Checks for new events: the log may have some on disk. */
void triggers_committed(Triggers *triggers);

/* True if no delivery is under way and none could begin now: all events are delivered or given up,
 * or their trigger is paused or waits for a program that takes batches. */
bool triggers_are_settled(const Triggers *triggers);

/* Ends running commands, and puts the cursors into the batch. */
void triggers_stop(Triggers *triggers);
