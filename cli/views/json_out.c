/* SPDX-License-Identifier: Apache-2.0 */
#include "views/json_out.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

/* 15 digits keep decimals as they were rounded: 18.2, not 18.199999999999999. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/*
 * Writes a token of a few bytes for jansson; stdio gathers them. The process has one thread, so the
 * unlocked write is safe; locking each token would take a quarter of the time of `thumbq list
 * --json`. The caller checks ferror(stdout) at the end.
 */
static int write_token(const char *text, size_t len, void *out)
{
    return fwrite_unlocked(text, 1, len, out) == len ? 0 : -1;
}

static void dump(json_t *value)
{
    (void)json_dump_callback(value, write_token, stdout, DUMP_FLAGS);
    json_decref(value);
}

void json_out_print(json_t *value)
{
    dump(value);
    (void)putchar('\n');
}

void json_out_begin_list(json_t *object, const char *key)
{
    g_autofree char *text = json_dumps(object, DUMP_FLAGS);
    /* Without its final brace. */
    printf("%.*s,\"%s\":[", (int)strlen(text) - 1, text, key);
    json_decref(object);
}

void json_out_add_item(json_t *item, bool is_first)
{
    if (!is_first)
        (void)putchar(',');
    dump(item);
}

void json_out_end_list(void)
{
    (void)puts("]}");
}
