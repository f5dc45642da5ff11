/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/record_cursor.h"

#include <string.h>

/* The store sorts keys longer than this in another order than by name, so longer ranges are cut. */
#define RANGE_MAX 400

void record_cursor_init(RecordCursor *cursor, const char *range)
{
    cursor->range = g_strndup(range, RANGE_MAX);
    cursor->key = g_string_new(cursor->range);
}

void record_cursor_clear(RecordCursor *cursor)
{
    g_clear_pointer(&cursor->range, g_free);
    if (cursor->key)
        g_string_free(cursor->key, TRUE);
    cursor->key = NULL;
}

void record_cursor_seek(RecordCursor *cursor, const char *key)
{
    g_string_assign(cursor->key, key);
}

bool record_cursor_next(RecordCursor *cursor, Store *store, bool *ret_found, Record *ret_record,
                        GError **error)
{
    const char *after = cursor->key->len > 0 ? cursor->key->str : NULL;
    bool found;

    if (!store_peek_after(store, after, &found, ret_record, error))
        return false;
    *ret_found = found && strncmp(ret_record->key, cursor->range, strlen(cursor->range)) <= 0;
    if (*ret_found)
        g_string_assign(cursor->key, ret_record->key);
    return true;
}
