/* SPDX-License-Identifier: Apache-2.0 */
/* Whether back-fill is paused: schedules pause and resume it, and the state survives restarts. */
#pragma once

#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero before the first change. */
typedef struct {
    bool is_paused;
    /* Wall clock: due time of the schedule that changed it last. */
    int64_t due_us;
} StoreWindow;

/* Writes the state of the window; a changing call, see store.h. */
bool store_put_window(Store *store, const StoreWindow *window, GError **error);

bool store_get_window(StoreSnapshot *snapshot, StoreWindow *ret_window, GError **error);

/*
 * While back-fill is held, store_claim claims no object of PRIORITY_BACKFILL and does not wait for
 * one.
 */
void store_hold_backfill(Store *store, bool held);
