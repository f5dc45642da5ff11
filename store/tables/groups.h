/* SPDX-License-Identifier: Apache-2.0 */
/* Computes the group of a record for each kind of totals. Pure. */
#pragma once

#include "store/store.h"

/* Number of groupings that the store keeps. */
#define GROUPINGS (STORE_BY_PREFIX + 1)

/* Bytes of a group's name with its NUL: the first folder may be nearly the whole key. */
#define GROUP_NAME_MAX (OBJECT_KEY_MAX + 1)

/* Writes the name of the group of a record with this date; returns its length. */
size_t group_name(const Record *record, StoreBy by, int64_t date_us,
                  char ret_name[static GROUP_NAME_MAX]);

/* Length of 2026-01-31. */
#define GROUP_DAY_LEN 10

/* Writes the group of STORE_BY_DAY that contains a time. */
void group_day(int64_t time_us, char ret_name[static GROUP_DAY_LEN + 1]);

/* Adds the record to `totals`, or subtracts it. */
void group_add(ObjectTotals *totals, const Record *record);
void group_subtract(ObjectTotals *totals, const Record *record);
