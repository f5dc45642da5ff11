/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epoch identifies a store: 64 random bits, made once. Epoch and sequencer together identify an
 * event outside of the program. The first sequencer of a store is the time in microseconds, so that
 * those of the next store are larger.
 */
#pragma once

#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Makes the epoch of a store that has none. A changing call, see store.h. */
bool store_make_epoch(Store *store, GError **error);

/* Reads the epoch; 0 if none was made. */
bool store_get_epoch(StoreSnapshot *snapshot, uint64_t *ret_epoch, GError **error);

/* Makes all later sequencers larger than `last`, which another store has reached. A changing call.
 */
bool store_follow(Store *store, uint64_t last, GError **error);

/* Notes the name of the damaged store whose triggers this one has taken over. A changing call. */
bool store_set_predecessor(Store *store, const char *name, GError **error);

/* True if that name was noted last, as the batch sees it. */
bool store_is_predecessor(Store *store, const char *name, bool *ret_is, GError **error);

/*
 * Returns the sequencer of the newest event, as of the last commit or, within a batch, of the
 * batch.
 */
uint64_t store_last_sequencer(const Store *store);
