/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivers events once more that a trigger has skipped: the events of a range that are still in the
 * log become batches that wait. The events that the log has lost stay a range.
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
    bool has_begun;
    /* Sequencer of the last event when the edit has begun: events that are skipped later stay. */
    uint64_t end;
    /* Name of the trigger under way, and the smallest id of its next range. The configuration may
     * change between two slices. */
    char trigger[CONFIG_NAME_MAX];
    uint64_t from;
    /* The trigger has no further range. */
    bool is_past_trigger;
    /* The range under way is in `changed`. */
    bool is_counted;
    /* Number of ranges with events that are delivered once more. */
    uint64_t changed;
    bool has_ended;
} RangeEdit;

#define RANGE_EDIT_CHANGES_MAX 100

/*
 * Does the next slice for the trigger `name`, or for all if it is "". `bucket`: path of the bucket.
 * Makes RANGE_EDIT_CHANGES_MAX changes at most, and does not commit: the batch has room for them.
 * In one batch, the events of a slice leave the range and become deliveries, so that the edit can
 * end behind any slice. Events that were skipped in between stay in the range. The first slice
 * follows a commit. Errors: those of the store.
 */
bool trigger_ranges_retry(Store *store, const Config *config, const char *bucket, const char *name,
                          RangeEdit *edit, GError **error);
