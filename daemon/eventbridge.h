/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that are of no object in EventBridge's form: what a schedule's command gets on its
 * standard input, and what the log says of schedules and sweeps. Source: Amazon EventBridge user
 * guide, "Events in EventBridge"; Lambda developer guide, "Scheduled Event".
 */
#pragma once

#include "store.h"

#include <jansson.h>

/*
 * {"version":"0","id":...,"detail-type":"Scheduled Event",...} of an event whose object_id is 0.
 * The id is a UUID that follows from what the event is of and its time (RFC 9562, version 5): who
 * gets the same firing twice, after a crash, can tell. The caller has the reference.
 */
json_t *eventbridge_json(const StoreEvent *event, const char *bucket);

/* The same as text, of the schedule `name` that was due at `due_us`. Owner: the caller frees. */
char *eventbridge_scheduled_text(const char *name, int64_t due_us);
