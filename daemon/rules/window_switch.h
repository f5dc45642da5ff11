/* SPDX-License-Identifier: Apache-2.0 */
/* The switch of back-fill, turned by the schedules: see daemon/window.h. The store hands out
 * back-fill, or holds it, as the switch says. */
#pragma once

#include "daemon/window.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct WindowSwitch WindowSwitch;

/* Makes a switch that was not turned yet. Owner: window_switch_free. */
WindowSwitch *window_switch_new(void);
void window_switch_free(WindowSwitch *window);

/* Reads the position from the store, unless a newer one is known. Errors: those of the store. */
bool window_switch_read(WindowSwitch *window, StoreSnapshot *snapshot, GError **error);

/* True if back-fill waits for a schedule to resume it. */
bool window_switch_is_closed(const WindowSwitch *window, const Config *config);

/* Makes the store hand out or hold back-fill, by configuration and switch. Call it after each
 * change of one of the three. `store` may be NULL while it is reopened. */
void window_switch_apply(const WindowSwitch *window, const Config *config, Store *store);

/* Turns the switch for a schedule that was due at `due_us`. The newest due time wins, in any order
 * of the calls. The caller saves the state and calls window_switch_apply. Returns the result as
 * text for people. Static. */
const char *window_switch_turn(WindowSwitch *window, WindowTurn turn, int64_t due_us);

/* The state to save. Borrowed. */
const StoreWindow *window_switch_state(const WindowSwitch *window);
