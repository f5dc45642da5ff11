/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the wall clock once a minute, and stores how far it can be trusted: see clock_guard.c. The
 * begin and the end of a doubt are logged. */
#pragma once

#include "journal/bucket_state.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ClockGuard ClockGuard;

/* Reads the trusted time from the store, which must be open. `once`: the clock is checked only at
 * the start. NULL on error. Errors: those of the store. Owner: clock_guard_free. */
ClockGuard *clock_guard_open(const BucketState *state, bool once, GError **error);
void clock_guard_free(ClockGuard *guard);

/* Checks the clock now, and then once a minute if a daemon runs. */
void clock_guard_start(ClockGuard *guard);

/* Makes the next check save the trusted time again, after a batch was lost. */
void clock_guard_reset(ClockGuard *guard);

/* Saves the trusted time. Call it before the last commit. */
void clock_guard_save(ClockGuard *guard);

/* Explains why nothing may be deleted for its age now; NULL: deletion is allowed. Owner: the caller
 * frees. */
char *clock_guard_objection(const ClockGuard *guard);

/* Returns the wall clock, limited to the trusted time, microseconds. */
int64_t clock_guard_now_us(const ClockGuard *guard);
