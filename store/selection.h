/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records a query has found but cannot visit yet, because they do not come in the order wanted:
 * of each its key and what it is sorted by. It holds no more than it is told to: a heap, whose root
 * is the record that goes first when a better one comes. More than that are selected in several
 * passes, each of which takes what comes behind the last of the pass before.
 */
#pragma once

#include "store.h"

typedef struct {
    int64_t value; /* what is sorted by; 0 for the name */
    uint64_t id;
    char *key;
} Selected;

typedef struct {
    StoreSort sort;
    bool reverse;
    uint64_t max;   /* 0: no end */
    GArray *items;  /* Selected */
    Selected after; /* the last of the pass before; its key is NULL in the first */
} Selection;

/* Owner: selection_clear. */
void selection_init(Selection *selection, StoreSort sort, bool reverse, uint64_t max);
void selection_clear(Selection *selection);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Selection, selection_clear)

/* Forgets all records. */
void selection_empty(Selection *selection);

void selection_add(Selection *selection, const Record *record);

/* The same where the order is that of the names, and no more is needed of the record. */
void selection_add_name(Selection *selection, const char *key);

/* As many as it may hold: there may be more of them. */
bool selection_is_full(const Selection *selection);

/* Puts the records into their order; nothing may be added after this until it is emptied. */
void selection_sort(Selection *selection);

/* Takes only what comes behind this record, in the order wanted. */
void selection_begin_behind(Selection *selection, const Record *record);

/* Forgets all records, sorted before, but the place of the last: the next pass begins behind it. */
void selection_advance(Selection *selection);
