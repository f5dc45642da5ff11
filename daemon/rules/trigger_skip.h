/* SPDX-License-Identifier: Apache-2.0 */
/* The events that a trigger does not deliver because they are too old or too many, and the files of
 * dead letters. For triggers.c. */
#pragma once

#include "rules/trigger_states.h"

#include <stdbool.h>

/* Skips the events that are too old or too many: they become a range. Returns false if the store
 * has failed. */
bool trigger_skip_old(StoreSnapshot *snapshot, Trigger *trigger);

/* Writes the file of `on_failure` for a dead letter. The row in the store is there without it. */
void trigger_skip_write_letter(const Trigger *trigger, const Delivery *delivery);
