/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records how the last daemon ended. The small file `session` in the state folder says "running"
 * from the start on, and "ended", with size and time of the store, once all is on disk. A daemon
 * that finds "running" knows that the one before it was killed or lost power. Call it only under
 * the lock.
 */
#pragma once

#include "config/config.h"

#include <glib.h>
#include <stdbool.h>

typedef enum {
    /* There was no session. */
    SESSION_FIRST,
    SESSION_ENDED,
    /* The session ended, but another program has changed the store since. */
    SESSION_CHANGED,
    /* The daemon was killed, or lost power. */
    SESSION_CRASHED,
} SessionEnd;

typedef struct {
    SessionEnd end;
    /* Durability of that session; DURABILITY_FULL if it is not known. */
    Durability durability;
} SessionLast;

/*
 * Reads how the last session ended, and writes "running". The file is on disk when the call
 * returns, before anything is changed. `state_fd` is the state folder. Errors: as
 * trusted_open_file.
 */
bool session_begin(int state_fd, Durability durability, SessionLast *ret_last, GError **error);

/* Writes that the store is closed and all is on disk. Without this call the next daemon checks for
 * damage. */
bool session_end(int state_fd, GError **error);
