/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events about no object in the form of Amazon EventBridge. The command of a schedule reads this
 * form on its standard input, and the log prints schedules and sweeps in it. Source: Amazon
 * EventBridge user guide, "Events in EventBridge"; Lambda developer guide, "Scheduled Event".
 */
#pragma once

#include "model/event.h"

#include <jansson.h>

/*
 * Converts an event whose object_id is 0: {"version":"0","id":...,"detail-type":"Scheduled
 * Event",...}. The id is a UUID of the event's subject and time (RFC 9562, version 5), so that a
 * command that gets the same event again after a crash can recognise it. The caller has the
 * reference.
 */
json_t *eventbridge_json(const Event *event, const char *bucket);

/*
 * Returns the same as text, for the schedule `name` that was due at `due_us`. Owner: the caller
 * frees.
 */
char *eventbridge_scheduled_text(const char *name, int64_t due_us);
