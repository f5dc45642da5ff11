/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and frees the parts of a bucket's state, in their order. */
#pragma once

#include "journal/bucket_state.h"

#include <glib.h>
#include <stdbool.h>

/* Nothing is open yet. `bucket_path` must outlive the state. Owner: state_parts_clear. */
void state_parts_init(BucketState *state, const char *bucket_path, const Config *config);

typedef struct {
    /* Opens a copy of the store, so that nothing in bucket, prefix and state changes. */
    bool dry_run;
    /* Takes over an absolute prefix of another bucket. */
    bool adopt;
} StatePartsOptions;

/*
 * Opens the lock, the key, the store and the thumbnails; the journal must have been made. Errors:
 * ERROR_NOT_FOUND (no such bucket), ERROR_LOCKED (a daemon holds it), ERROR_CONFIG, those of the
 * store and of the publisher.
 */
bool state_parts_open(BucketState *state, const StatePartsOptions *options, GError **error);

/* Frees the members, and releases the lock. The store must have been closed by journal_close, and
 * the bucket freed. */
void state_parts_clear(BucketState *state);
