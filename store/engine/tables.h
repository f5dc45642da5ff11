/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the store: one LMDB database each. README.md describes keys and values. Private to
 * the store.
 */
#pragma once

#include <lmdb.h>

typedef enum {
    TABLE_META,
    TABLE_OBJECTS,
    TABLE_QUEUE,
    TABLE_BY_STATE,
    TABLE_BY_DATE,
    TABLE_BY_SIZE,
    TABLE_BY_TYPE,
    TABLE_TOTALS,
    TABLE_METRICS,
    TABLE_EVENTS,
    TABLE_EVENTS_BY_OBJECT,
    TABLE_RUNS,
    TABLE_JOBS,
    TABLE_TRIGGERS,
    TABLES,
} Table;

/* Marks a table that an older store does not have. */
#define TABLE_LACKING ((MDB_dbi)-1)
