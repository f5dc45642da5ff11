/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log: one row for each event of an object or of the bucket, written in the same
 * transaction as the change that it reports.
 */
#pragma once

#include "model/event.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;
typedef struct StoreSnapshot StoreSnapshot;

/* Number of rows to keep; the oldest are deleted. */
#define STORE_EVENTS_MAX 100000

/* The most bytes of the key and the detail of an event about no object, together. */
#define STORE_EVENT_TEXT_MAX 1024

/*
 * Adds an event about no object to the log; a changing call. `detail` is a JSON object, or "" for
 * none. Limits: STORE_EVENT_TEXT_MAX.
 */
bool store_log(Store *store, EventType type, const char *key, const char *detail, int64_t time_us,
               GError **error);

typedef bool (*StoreVisitEvent)(const Event *event, void *data);

/*
 * Visits the events after the sequencer `after` (0: all), oldest first. `object_id`: only events of
 * this object; 0: all events.
 */
bool store_events(StoreSnapshot *snapshot, uint64_t after, uint64_t object_id, uint64_t limit,
                  StoreVisitEvent visit, void *data, GError **error);
