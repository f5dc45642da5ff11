/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes a store, for any set of tables. Private to the store. */
#pragma once

#include "engine/stage.h"
#include "engine/store_limits.h"
#include "store/store.h"

typedef enum {
    ENGINE_SHARED,
    /* No other process writes to the store, so that all of its tables can be checked. */
    ENGINE_ALONE,
    /* As ENGINE_ALONE; what is damaged counts as missing where that can be seen. */
    ENGINE_DAMAGED,
} EngineUse;

/* As store_open_at. `limits` is copied. */
Store *engine_open(const Schema *schema, int dir_fd, const char *directory, StoreMode mode,
                   EngineUse use, const StoreLimits *limits, GError **error);
