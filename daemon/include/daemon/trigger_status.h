/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a trigger, from the store alone: for commands, with or without a daemon. */
#pragma once

#include "config/config.h"
#include "store/store.h"
#include "store/store_triggers.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    /* False: no daemon has run with this trigger yet. */
    bool is_known;
    TriggerState state;
    /* Numbers of events: behind the cursor; in failed batches that wait; in dead letters. */
    uint64_t n_ahead, n_retrying, n_dead;
    /* Number of dead letters. */
    uint64_t n_letters;
    /* Wall clock: time of the oldest event that waits; 0: none waits. */
    int64_t oldest_us;
} TriggerStatus;

/* Reads the figures. Time in proportion to the events behind the cursor. */
bool trigger_status_read(StoreSnapshot *snapshot, const TriggerConfig *config,
                         TriggerStatus *ret_status, GError **error);
