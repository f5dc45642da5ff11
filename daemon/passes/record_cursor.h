/* SPDX-License-Identifier: Apache-2.0 */
/* The position of a pass over records: behind the last key that was processed. A range is the set
 * of keys that begin with a text. */
#pragma once

#include "store/store.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    /* The last key, a copy: calls that change the store invalidate the record. */
    GString *key;
    char *range;
} RecordCursor;

/* Places the cursor before the first key of `range`; "" is all keys. Owner: record_cursor_clear. */
void record_cursor_init(RecordCursor *cursor, const char *range);
void record_cursor_clear(RecordCursor *cursor);

/* Places the cursor behind `key`. */
void record_cursor_seek(RecordCursor *cursor, const char *key);

/*
 * Returns the next record; *ret_found is false at the end of the range. If the range was cut off,
 * or the cursor stands before it, records outside of the range come, too. The record is valid as
 * from store_peek_after. Errors: those of the store.
 */
bool record_cursor_next(RecordCursor *cursor, Store *store, bool *ret_found, Record *ret_record,
                        GError **error);
