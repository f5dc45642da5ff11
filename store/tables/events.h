/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log. Private to the store.
 */
#pragma once

#include "store/store.h"

#include <lmdb.h>

/* Writes the event row of record->sequencer. */
bool events_append(Store *store, EventType type, const Record *record, ErrorCode code,
                   int64_t now_us, GError **error);

/* A stage, see stage.h: deletes some of the oldest rows that are too many or too old. */
bool events_flush(Store *store, GError **error);

/* Deletes at most `max` old rows and returns their number. */
bool events_drop_old(Store *store, int64_t now_us, uint64_t max, uint64_t *ret_dropped,
                     GError **error);
bool events_count_old(Store *store, MDB_txn *txn, int64_t now_us, uint64_t *ret_n, GError **error);
