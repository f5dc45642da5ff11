/* SPDX-License-Identifier: Apache-2.0 */
/* Number and size of objects. Plain data; all zero: no objects. */
#pragma once

#include "model/object_info.h"

#include <stdint.h>

typedef struct {
    uint64_t objects;
    uint64_t by_state[STATES_END];
    uint64_t damaged;
    uint64_t source_bytes;
    uint64_t thumbnails;
    uint64_t thumbnail_bytes;
} ObjectTotals;

/* Adds `other` to `totals`, or subtracts it; numbers below 0 are modulo 2^64. */
void object_totals_add(ObjectTotals *totals, const ObjectTotals *other);
void object_totals_subtract(ObjectTotals *totals, const ObjectTotals *other);
