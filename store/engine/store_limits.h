/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of the store, in a struct so that tests can open a store that is small enough to reach
 * them. Private to the store and its tests.
 */
#pragma once

#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    /* First size of the map: address space, not disk space. */
    size_t map_bytes;
    /* The map is doubled before a batch that would begin with less free space. */
    size_t headroom_bytes;
    /* Changes, STORE_BATCH_MAX. */
    size_t batch_max;
    /* Rows, STORE_EVENTS_MAX. */
    uint64_t events_max;
    /* Rows that a query reads before it renews its snapshot. */
    unsigned renew_rows;
    /* Records that a query sorts at a time. */
    size_t selection_max;
    /* Mapped bytes of the store's file in the writing process. */
    size_t resident_bytes;
} StoreLimits;

extern const StoreLimits store_default_limits;

/* As store_open, with other limits. `limits` is copied. */
Store *store_open_with_limits(const char *directory, StoreMode mode, const StoreLimits *limits,
                              GError **error);
