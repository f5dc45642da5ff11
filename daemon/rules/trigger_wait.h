/* SPDX-License-Identifier: Apache-2.0 */
/* The waits of a trigger whose batches nothing can take now. Its cursor stays where it is. */
#pragma once

#include "rules/trigger_states.h"

#include <stdint.h>

/*
 * Begins the next wait of the trigger's `wait` or `retry_wait`, and returns its length. The first
 * one since a batch was taken is logged with its reason. Each wait is twice as long as the one
 * before, up to `longest_us`; `wanted_us` is the length that the receiver wants, or 0.
 */
int64_t trigger_wait_begin(const Trigger *trigger, TriggerWait *wait, const char *why,
                           int64_t wanted_us, int64_t longest_us);

/* Ends the waits, after a batch was taken or has failed. */
void trigger_wait_end(const Trigger *trigger, TriggerWait *wait);

/* Another configuration is in force: the next wait is a short one, and is logged. */
void trigger_wait_reset(TriggerWait *wait);
