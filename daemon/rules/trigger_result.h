/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a delivery: the batch is taken, fails, is given up, or is put off. For triggers.c. */
#pragma once

#include "rules/trigger_run.h"
#include "rules/trigger_states.h"

/* Attempts until a batch is a dead letter; the delays between them are those of [handler]
 * retry_delay: 1 and 2 minutes by default. */
#define TRIGGER_ATTEMPTS_MAX 3

/*
 * Takes the outcome of the trigger's delivery: the cursor moves, or the batch becomes a delivery in
 * the store, is given up, or waits. The store takes changes, and the trigger's cursor was not set
 * back since the start.
 */
void trigger_result_take(Trigger *trigger, const TriggerRunOutcome *outcome);
