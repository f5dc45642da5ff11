/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivers events once more that a trigger has skipped: the events of a range that are still in the
 * log become batches that wait. A range of which the log has lost a part stays, for that part.
 */
#pragma once

#include "config/config.h"
#include "store/store.h"
#include "store/store_triggers.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero at first. */
typedef struct {
    /* Index of the trigger in the configuration, and the smallest id of its next range. */
    size_t index;
    uint64_t from;
    /* The range under way; id 0: none. */
    Delivery range;
    /* Sequencer of the oldest event of the log when the range was begun. */
    uint64_t oldest;
    /* The last event of the range that was read, and the number of events until then. */
    uint64_t after, n_events;
    /* Number of ranges with events that are delivered once more. */
    uint64_t changed;
    bool has_ended;
} RangeEdit;

#define RANGE_EDIT_CHANGES_MAX 100

/*
 * Does the next slice for the trigger `name`, or for all if it is "". `bucket`: path of the bucket.
 * Makes RANGE_EDIT_CHANGES_MAX changes at most, and does not commit: the batch has room for them.
 * A crash before the last slice of a range leaves the range as it was. Errors: those of the store.
 */
bool trigger_ranges_retry(Store *store, const Config *config, const char *bucket, const char *name,
                          RangeEdit *edit, GError **error);
