/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's sizes, apart so that tests can open one that is small enough to reach them. Private
 * to the store and its tests.
 */
#pragma once

#include "store.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t map_bytes;      /* first size of the map: address space, not disk */
    size_t headroom_bytes; /* the map is doubled before a batch that would begin with less */
    size_t batch_max;      /* changes, STORE_BATCH_MAX */
    uint64_t events_max;   /* rows, STORE_EVENTS_MAX */
    unsigned renew_rows;   /* rows of a query between renewals of its snapshot */
    size_t selection_max;  /* records that a query sorts at a time */
    size_t resident_bytes; /* of the map, in the memory of the process that writes */
} StoreLimits;

extern const StoreLimits store_default_limits;

/* As store_open. `limits` is copied. */
Store *store_open_with_limits(const char *directory, StoreMode mode, const StoreLimits *limits,
                              GError **error);
