/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts below the bucket, and objects whose mount is absent: such objects are away, not gone.
 * Mounts with objects that come or go are logged. */
#pragma once

#include "journal/bucket_state.h"

#include <stdbool.h>

typedef struct Away Away;

/* Makes the module, before it has any mount. `is_silent`: mounts are not logged, and the caller
 * commits. Owner: away_free. */
Away *away_new(BucketState *state, bool is_silent);
void away_free(Away *away);

/* Passes the mounts below the bucket to the store. Returns false if the batch was lost. */
bool away_update_mounts(Away *away);

/* True if an absent file does not prove that the object is gone: its mount is absent, or another
 * mount hides the file, or a mount has changed since the last scan. */
bool away_is_key(Away *away, const char *key);

/* Counts an object that a scan did not meet as away. */
void away_note(Away *away, const char *key);
