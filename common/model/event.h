/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event: something that happened to an object or in the bucket at some time. Plain data. The
 * event log stores events; s3_event.h and eventbridge.h convert them to the forms of other
 * programs.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Types of events. Stored: added to, never renumbered. */
typedef enum {
    /* A new object, or a new version of an object. */
    EVENT_CREATED = 1,
    EVENT_REMOVED = 2,
    /* The event's key is the new key. */
    EVENT_MOVED = 3,
    EVENT_DONE = 4,
    EVENT_SKIPPED = 5,
    EVENT_DEAD = 6,
    EVENT_RETRY = 7,
    /* A lifecycle rule removed the object. */
    EVENT_EXPIRED = 8,
    /* A lifecycle rule removed the thumbnails; the object stays. */
    EVENT_THUMBNAILS_EXPIRED = 9,
    /* A schedule ran. No object: the key is the schedule, the time is its due time. */
    EVENT_SCHEDULED = 10,
    /* A sweep ended. No object: the key says what was swept. */
    EVENT_SWEPT = 11,
    /* A job changed its state. No object: the key names the job, the detail has the new state. */
    EVENT_JOB = 12,
    /* An alarm changed its state. No object: the key is the alarm. */
    EVENT_ALARM = 13,
} EventType;
#define EVENT_TYPES 14

typedef struct {
    /*
     * Number of the event in the store; events are ordered by it. 0: the event is not in the log.
     */
    uint64_t sequencer;
    /* Wall clock. */
    int64_t time_us;
    EventType type;
    /* 0: the event is about no object. */
    uint64_t object_id;
    /* Bytes of the source. */
    int64_t size;
    ErrorCode error;
    /*
     * The object was in the bucket before the store was made: the event is about the store's first
     * sight of it, and nothing has happened to the object.
     */
    bool is_old;
    /* Borrowed for the call. */
    const char *key;
    /* A JSON object, or "". Borrowed for the call. */
    const char *detail;
} Event;

/* Returns the name of a type: "created", "removed", ... Static. */
const char *event_type_name(EventType type);

/*
 * Makes an event about no object; `key` names its subject. `detail` is a JSON object, or "" for
 * none. The event is not in the log yet.
 */
Event event_of_bucket(EventType type, const char *key, const char *detail, int64_t time_us);
