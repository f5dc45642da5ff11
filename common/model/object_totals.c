/* SPDX-License-Identifier: Apache-2.0 */
#include "model/object_totals.h"

#include <stddef.h>

/* Computes totals += sign * other, modulo 2^64. */
static void combine(ObjectTotals *totals, const ObjectTotals *other, uint64_t sign)
{
    totals->objects += sign * other->objects;
    for (size_t i = 0; i < STATES_END; i++)
        totals->by_state[i] += sign * other->by_state[i];
    totals->damaged += sign * other->damaged;
    totals->source_bytes += sign * other->source_bytes;
    totals->thumbnails += sign * other->thumbnails;
    totals->thumbnail_bytes += sign * other->thumbnail_bytes;
}

void object_totals_add(ObjectTotals *totals, const ObjectTotals *other)
{
    combine(totals, other, 1);
}

void object_totals_subtract(ObjectTotals *totals, const ObjectTotals *other)
{
    combine(totals, other, UINT64_MAX);
}
