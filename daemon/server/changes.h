/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that change the store and wait for nothing: done by a daemon in slices, and under its
 * lock if no daemon runs. */
#pragma once

#include "control/control_request.h"
#include "passes/backfill.h"
#include "server/trigger_ranges.h"
#include "store/store_triggers.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Triggers Triggers;

/* Progress of such a request. All zero at first. */
typedef struct {
    bool has_ended;
    /* Id of the last record that was examined. */
    uint64_t after;
    /* Of a request for triggers. */
    DeliveryEdit letters;
    /* Of a retry, after the letters. */
    RangeEdit ranges;
    ControlAnswer answer;
} RequestProgress;

/* The parts of the daemon that these requests use. Borrowed. */
typedef struct {
    const Backfill *backfill;
    /* The place of the triggers, which are made later; they are NULL if no daemon runs. */
    Triggers *const *triggers;
} RequestParts;

/* Does the next slice of the request; the caller commits the batch. Errors: ERROR_USAGE for a wrong
 * request, whose earlier slices stay done; those of the store. */
bool request_step(const RequestParts *parts, const ControlRequest *request,
                  RequestProgress *progress, GError **error);

/* Describes the job as the batch sees it. Errors: ERROR_USAGE if there is none; those of the
 * store. */
bool request_describe_job(Store *store, uint32_t id, ControlJobAnswer *ret_job, GError **error);
