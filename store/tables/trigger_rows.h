/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors and deliveries of triggers. Private to the store. */
#pragma once

#include "store/store_triggers.h"

#include <lmdb.h>

/*
 * Finds the smallest cursor: no event behind it may be deleted. UINT64_MAX if there is no trigger.
 */
bool triggers_floor(Store *store, MDB_txn *txn, uint64_t *ret_floor, GError **error);
