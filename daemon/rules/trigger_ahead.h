/* SPDX-License-Identifier: Apache-2.0 */
/* The events of the log that are ahead of a trigger: their number and their age. For the files of
 * triggers alone. */
#pragma once

#include "rules/trigger_states.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Counts the events that are new in the log. */
bool trigger_ahead_count(StoreSnapshot *snapshot, Trigger *trigger, GError **error);

/* Adds the age of the event to the metrics. A batch is open. */
void trigger_ahead_add_age(Trigger *trigger, int64_t event_us);

/* Adds the age of the oldest event that waits to the metrics, once a minute. Returns false if the
 * store has failed. */
bool trigger_ahead_measure(StoreSnapshot *snapshot, Trigger *trigger);
