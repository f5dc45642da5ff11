/* SPDX-License-Identifier: Apache-2.0 */
/* The daily window of back-fill: schedules with `run = pause backfill` and `run = resume
 * backfill`. */
#pragma once

#include "config/config.h"
#include "store/backfill_window.h"

#include <stdbool.h>

typedef enum { WINDOW_NONE, WINDOW_PAUSE, WINDOW_RESUME } WindowTurn;

/* Returns the effect of such a `run`; WINDOW_NONE for all others. */
WindowTurn window_turn(const char *run);

/* True if the schedules of `config` turn the switch both ways: otherwise the switch has no
 * effect. */
bool window_is_used(const Config *config);

/* Explains why a configuration may not have a schedule with this turn; NULL: it may. Static. */
const char *window_objection(const Config *config, WindowTurn turn);

/* True if back-fill waits for a schedule to resume it. */
bool window_is_closed(const Config *config, const StoreWindow *window);
