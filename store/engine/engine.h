/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes a store, for any set of tables. Private to the store. */
#pragma once

#include "engine/stage.h"
#include "engine/store_limits.h"
#include "store/store.h"

/*
 * As store_open_at. `is_alone` means that no other process writes to the store, so that all of its
 * tables can be checked. `limits` is copied.
 */
Store *engine_open(const Schema *schema, int dir_fd, const char *directory, StoreMode mode,
                   bool is_alone, const StoreLimits *limits, GError **error);
