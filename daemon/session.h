/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the last daemon ended: a small file `session` in the state folder says "running" from the
 * start on, and "ended", with size and time of the store, once all is on disk. A daemon that finds
 * "running" knows that the one before it was killed or lost its power. Under the lock only.
 */
#pragma once

#include "config.h"

#include <glib.h>
#include <stdbool.h>

typedef enum {
    SESSION_FIRST, /* there was none */
    SESSION_ENDED,
    SESSION_CHANGED, /* it ended, but somebody else has changed the store since */
    SESSION_CRASHED, /* killed, or cut off */
} SessionEnd;

typedef struct {
    SessionEnd end;
    Durability durability; /* it ran with; DURABILITY_FULL if that is not known */
} SessionLast;

/*
 * Reads how the last one ended, and says that another is running: on disk when it returns, before
 * anything is changed. `state_fd` is of the state folder. Errors: as trusted_open_file.
 */
bool session_begin(int state_fd, Durability durability, SessionLast *ret_last, GError **error);

/* The store is closed, and all on disk. Without this call the next daemon looks for damage. */
bool session_end(int state_fd, GError **error);
