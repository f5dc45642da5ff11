/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that the store's file has all counted pages. Private to the store. */
#pragma once

#include "store/store.h"

/*
 * Checks that the file has all counted pages, or that the missing ones are free; a file that was
 * cut short would cause a SIGBUS later. Opened for writing, the file is extended. store_check runs
 * in a process of its own and may read the free list of the file as it is.
 */
bool whole_check(Store *store, GError **error);

/* Extends the file to its counted length after a commit. Returns an errno, or 0. */
int whole_extend(Store *store);
