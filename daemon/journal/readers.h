/* SPDX-License-Identifier: Apache-2.0 */
/* Detects other processes that keep one snapshot of the store open, so that the store grows. Logs
 * their names, and when they continue. */
#pragma once

#include "store/store.h"

typedef struct StoreReaders StoreReaders;

/* Makes the check, before its first run. Owner: readers_free. */
StoreReaders *readers_new(void);
void readers_free(StoreReaders *readers);

/* Call it after each commit. Checks every few seconds whether another process keeps the store from
 * using space again. Frees the space of readers that have died. */
void readers_check(StoreReaders *readers, Store *store);
