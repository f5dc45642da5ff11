/*
 * The records a query has found but cannot visit yet, because they do not come in the order wanted:
 * of each its key and what it is sorted by. With a limit it holds no more than that: a heap, whose
 * root is the record that goes first when a better one comes.
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
    uint64_t limit; /* 0: none */
    GArray *items;  /* Selected */
} Selection;

/* Owner: selection_clear. */
void selection_init(Selection *selection, StoreSort sort, bool reverse, uint64_t limit);
void selection_clear(Selection *selection);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Selection, selection_clear)

/* Forgets all records. */
void selection_empty(Selection *selection);

void selection_add(Selection *selection, const Record *record);

/* Puts the records into their order; nothing may be added after this until it is emptied. */
void selection_sort(Selection *selection);
