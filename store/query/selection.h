/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that a query has found but cannot visit yet, because they do not come in the requested
 * order: the key and the sort value of each. The size is limited: items form a heap whose root is
 * the last item in the order, which is dropped for a better one. More records than that are
 * selected in several passes; each pass takes the records behind the last one of the pass before.
 */
#pragma once

#include "store/store.h"

typedef struct {
    /* Sort value; 0 when sorting by name. */
    int64_t value;
    uint64_t id;
    char *key;
} Selected;

typedef struct {
    StoreSort sort;
    bool reverse;
    /* 0: no limit. */
    uint64_t max;
    /* Array of Selected. */
    GArray *items;
    /* Last item of the pass before; its key is NULL in the first pass. */
    Selected after;
} Selection;

/* Makes an empty selection. Owner: selection_clear. */
void selection_init(Selection *selection, StoreSort sort, bool reverse, uint64_t max);
void selection_clear(Selection *selection);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Selection, selection_clear)

/* Removes all records. */
void selection_empty(Selection *selection);

void selection_add(Selection *selection, const Record *record);

/* As selection_add, for a selection by name that needs nothing else of the record. */
void selection_add_name(Selection *selection, const char *key);

/* True if the selection has reached its limit; there may be more records. */
bool selection_is_full(const Selection *selection);

/* Sorts the records. Nothing may be added after this until selection_empty. */
void selection_sort(Selection *selection);

/* From now on only records behind this one are added. */
void selection_begin_behind(Selection *selection, const Record *record);

/* From now on only records behind this position are added. */
void selection_begin_behind_place(Selection *selection, const StoreCursor *place);

/* True if the record comes behind the position in the requested order. */
bool selection_is_behind(const Selection *selection, const Record *record,
                         const StoreCursor *place);

/* Removes all records, which must be sorted, and begins the next pass behind the last of them. */
void selection_advance(Selection *selection);
