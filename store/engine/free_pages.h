/* SPDX-License-Identifier: Apache-2.0 */
/* The list of free pages that LMDB keeps in the store's file. Private to the store. */
#pragma once

#include "engine/env.h"

/*
 * Counts the free pages of the file, and checks their list: LMDB writes to each page that the list
 * names. `txn` must not have changed anything. Errors: ERROR_STORE_CORRUPT if the list cannot be
 * one that LMDB has written.
 */
bool free_pages_count(Store *store, MDB_txn *txn, size_t *ret_pages, GError **error);
