/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion of stores that an older thumbq has made. Private to the store. */
#pragma once

#include "store/store.h"

#include <lmdb.h>

/* Converts the tables of a store of an older schema `version`, within the transaction. */
bool convert_from(Store *store, MDB_txn *txn, uint32_t version, GError **error);
