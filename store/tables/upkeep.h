/* SPDX-License-Identifier: Apache-2.0 */
/* Free space in the store's file, and whether compaction is worth it. Private to the store. */
#pragma once

#include "store/store.h"

/* Measures the bytes of the store's file and the bytes in its free pages. */
bool upkeep_measure(Store *store, int64_t *ret_file_bytes, int64_t *ret_free_bytes, GError **error);

/* True if half of the file is free, and at least `min_free_bytes`, which must not be 0. */
bool upkeep_is_due(int64_t file_bytes, int64_t free_bytes, int64_t min_free_bytes);
