/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back-fill jobs as commands see them: submitted and cancelled, through the daemon or, where none
 * runs, under the lock. How far they are stands in the store (jobs.h).
 */
#pragma once

#include "config.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A job for the objects that `filter` (filter_text.h) selects, `total` as it seems. One that has
 * the same filter and has not ended is not begun again: then *ret_is_new is false. Errors:
 * ERROR_USAGE (the filter), ERROR_LOCKED, those of the store.
 */
bool backfill_submit(const char *bucket, const Config *config, const char *filter, uint64_t total,
                     uint32_t *ret_id, bool *ret_is_new, GError **error);

/* *ret_cancelled false if there is no such job, or it has ended. Errors: as above. */
bool backfill_cancel(const char *bucket, const Config *config, uint32_t id, bool *ret_cancelled,
                     GError **error);
