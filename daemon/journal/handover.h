/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A damaged store hands its triggers on to the store that takes its place: generations and pauses,
 * batches that wait, dead letters, and the events that no trigger has passed, as batches that wait.
 *
 * A link in the state folder names the damaged store until all of that is on disk, so that a crash
 * at any point repeats the handover. It writes each row to the same place again; after its commit
 * the new store knows the name, and a link that is still there changes nothing. A child process
 * reads the damaged store, because such a reader can crash. It ends with the daemon, and holds no
 * lock. For recovery.c alone.
 */
#pragma once

#include "journal/bucket_state.h"

#include <glib.h>
#include <stdbool.h>

/* The store is about to be renamed to `name`, in the state folder: makes the link. Blocks for the
 * disk. */
bool handover_begin(int state_fd, const char *name, GError **error);

/*
 * Takes the rows of the store that the link names, if there is one, commits, and removes the link.
 * state->store is open, and has its epoch. A row that cannot be read is lost, with an error in the
 * log. Blocks for the disk and the child process, for HANDOVER_SECONDS at most. Errors: those of
 * the new store; ERROR_IO or ERROR_SHORTAGE for a child process that cannot be started.
 */
bool handover_take(const BucketState *state, GError **error);

#define HANDOVER_SECONDS 120
