/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: select objects, sort them, and add them up. See store.h for the validity of a record. */
#pragma once

#include "model/object_totals.h"
#include "store/record.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Store Store;
typedef struct StoreSnapshot StoreSnapshot;

/* Reads the record of a key. Errors: ERROR_NOT_FOUND for a key without a record. */
bool store_get(StoreSnapshot *snapshot, const char *key, Record *ret_record, GError **error);

/* Selects objects. All zero: everything. */
typedef struct {
    /* Prefix of the key, in bytes. */
    const char *prefix;
    /* Glob pattern for the whole key; a pattern without '/' matches the last component. */
    const char *match;
    /* Set of bits 1 << ImageType; 0: any. */
    uint32_t types;
    /* Set of bits 1 << ObjectState and STORE_FILTER_AWAY, one of which must match; 0: any. */
    uint32_t states;
    bool has_since, has_until;
    /* since <= date < until: the date as a clock showed it (record_date_us), or the instant. */
    int64_t since_us, until_us;
    bool since_is_instant, until_is_instant;
    bool has_min_size, has_max_size;
    /* Bytes of the source, both limits included. */
    int64_t min_size, max_size;
    bool damaged;
} StoreFilter;

/* In StoreFilter.states: objects that are away, in any state. */
#define STORE_FILTER_AWAY (UINT32_C(1) << 31)
#define STORE_AWAY_NAME   "away"

bool store_filter_is_empty(const StoreFilter *filter);

/* True if the filter selects the record. Pure. */
bool store_filter_matches(const StoreFilter *filter, const Record *record);

typedef enum {
    STORE_SORT_NAME,
    STORE_SORT_SIZE,
    STORE_SORT_DATE,
    STORE_SORT_DURATION,
} StoreSort;

/* Called with each record; false stops the walk. */
typedef bool (*StoreVisit)(const Record *record, void *data);

/* A position in a sorted list: that of a record, which may have been removed meanwhile. */
typedef struct {
    /* Value of the sort field; 0 for the name. */
    int64_t value;
    /* Id of the record. */
    uint64_t id;
    const char *key;
} StoreCursor;

/* Returns the position of a record. The key is borrowed from the record. */
StoreCursor store_cursor_of(const Record *record, StoreSort sort);

/*
 * Visits the records that match, in the order of `sort`, at most `limit` (0: all). Uses the
 * narrowest index. Renews the snapshot every few thousand rows, so that a slow reader does not make
 * the file grow: a record that changes during the walk may then be missed or, if its position
 * changed, be visited twice. Records with equal values are sorted by id.
 */
bool store_query(StoreSnapshot *snapshot, const StoreFilter *filter, StoreSort sort, bool reverse,
                 uint64_t limit, StoreVisit visit, void *data, GError **error);

/* A part of the result of a query. */
typedef struct {
    /* The records behind this position; NULL: from the beginning. */
    const StoreCursor *after;
    /* Number of records, at most; 0: all. */
    uint64_t limit;
    /*
     * Number of rows after which the page ends early; 0: never. It may read about three times as
     * many, and more where many names are longer than 478 bytes. It does not end early in an order
     * that no table has: STORE_SORT_DURATION, and STORE_SORT_DATE while the index of dates has
     * another zone.
     */
    uint64_t rows_max;
    /*
     * Called instead of a further visit when the page ends early, with the last record that was
     * read, which need not match. The next page begins behind this record.
     */
    void (*pause)(const Record *last, void *data);
} StorePage;

/* As store_query, for a page of the result. */
bool store_query_page(StoreSnapshot *snapshot, const StoreFilter *filter, StoreSort sort,
                      bool reverse, const StorePage *page, StoreVisit visit, void *data,
                      GError **error);

/* The groups of totals. */
typedef enum {
    /* One group, "". */
    STORE_BY_ALL,
    /* Such as "jpeg". */
    STORE_BY_TYPE,
    /* Such as "done". */
    STORE_BY_STATE,
    /* Such as "2026-01-31", UTC. */
    STORE_BY_DAY,
    /* Such as "2026-01". */
    STORE_BY_MONTH,
    /* First folder, such as "2026/"; "" for objects in the bucket itself. */
    STORE_BY_PREFIX,
    /*
     * Size of the source by powers of two: "20" from 1 MiB up to 2 MiB, "00" for less than two
     * bytes. Not stored: the records are counted each time, even without a filter.
     */
    STORE_BY_SIZE,
} StoreBy;

typedef bool (*StoreVisitGroup)(const char *group, const ObjectTotals *totals, void *data);

/*
 * Visits the groups that are not empty, sorted by name. With an empty filter the cost does not
 * depend on the number of objects; otherwise all selected records are read.
 */
bool store_totals(StoreSnapshot *snapshot, const StoreFilter *filter, StoreBy by,
                  StoreVisitGroup visit, void *data, GError **error);

/*
 * Counts the objects that are away. With an empty filter the cost does not depend on the number of
 * objects.
 */
bool store_away(StoreSnapshot *snapshot, const StoreFilter *filter, uint64_t *ret_objects,
                GError **error);
