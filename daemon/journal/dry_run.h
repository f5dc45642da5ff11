/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the state for a dry run without a running daemon. See dry_run.c. */
#pragma once

#include "journal/bucket_state.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Opens lock, key, a copy of the store, and thumbnails. Nothing in bucket, prefix and state is
 * made, renamed or written. Errors: ERROR_LOCKED, ERROR_NOT_TRUSTED, those of the store; as
 * error_set_errno, also for the temporary folder that the copy is made in.
 */
bool dry_run_open(BucketState *state, GError **error);
