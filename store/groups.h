/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group of a record in each dimension of the totals. Pure.
 */
#pragma once

#include "store.h"

/* Those that the store keeps. */
#define GROUPINGS (STORE_BY_PREFIX + 1)

/* Bytes of a group's name with its NUL: the first folder of a key may be nearly all of it. */
#define GROUP_NAME_MAX (OBJECT_KEY_MAX + 1)

/* Writes the group's name, that of a record with this date; returns its length. */
size_t group_name(const Record *record, StoreBy by, int64_t date_us,
                  char ret_name[static GROUP_NAME_MAX]);

#define GROUP_DAY_LEN 10 /* 2026-01-31 */

/* Writes the group of STORE_BY_DAY a time lies in. */
void group_day(int64_t time_us, char ret_name[static GROUP_DAY_LEN + 1]);

/* Adds the record to `totals`, or takes it out of them. */
void group_add(StoreTotals *totals, const Record *record);
void group_subtract(StoreTotals *totals, const Record *record);

/* Adds `other`, whose numbers may be negative (modulo 2^64). */
void group_merge(StoreTotals *totals, const StoreTotals *other);
