/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the store after any end of the last daemon or failure of the disk. A damaged store is moved
 * aside with a warning, and a new one made. After a crash the store is checked first. Records the
 * kinds of work that were left half done.
 */
#pragma once

#include "journal/bucket_state.h"
#include "journal/left.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Recovery Recovery;

/* Makes the recovery of a state that is not open yet. Owner: recovery_free. */
Recovery *recovery_new(BucketState *state);
void recovery_free(Recovery *recovery);

/* Begins a session in the state folder, and opens the store: daemon->state.store, which is NULL on
 * error. */
bool recovery_open(Recovery *recovery, GError **error);

/* Reopens the store after a batch was lost. On error daemon->state.store is NULL. */
bool recovery_reopen(Recovery *recovery, GError **error);

/* Notes that a call found the store damaged: it is replaced when it is reopened. */
void recovery_find_damage(Recovery *recovery);

/* Notes that another file may have the store's name: it is checked when it is reopened. */
void recovery_find_other(Recovery *recovery);

/* Passes the settings in force to the store. */
void recovery_configure(const BucketState *state);

/* See journal.h. */
JournalLeft recovery_left(const Recovery *recovery);
void recovery_set_left(Recovery *recovery, JournalLeft left);

/* Closes the store. `is_whole`: no work is left, and the session file says so to the next
 * daemon. */
void recovery_close(Recovery *recovery, bool is_whole);
