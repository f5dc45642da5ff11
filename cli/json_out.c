/* SPDX-License-Identifier: Apache-2.0 */
#include "json_out.h"

#include "clock.h"
#include "object.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* 15 digits print a rounded decimal as it was meant: 18.2, not 18.199999999999999. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/*
 * jansson hands out tokens of a few bytes; stdio gathers them. There is one thread, and a lock per
 * token would take a quarter of the time of `thumbq list --json`. An error shows in ferror(stdout)
 * at the end.
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
    printf("%.*s,\"%s\":[", (int)strlen(text) - 1, text, key); /* without its final brace */
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

json_t *json_out_ms(int64_t duration_us)
{
    double ms = (double)duration_us / CLOCK_US_PER_MS;
    double digits = ms < 10 ? 100 : 10;
    return json_real(round(ms * digits) / digits);
}

json_t *json_out_seconds(int64_t wall_us)
{
    char text[CLOCK_TEXT_MAX];
    return json_string(clock_format_seconds(wall_us, text));
}

json_t *json_out_millis(int64_t wall_us)
{
    char text[CLOCK_TEXT_MAX];
    return wall_us ? json_string(clock_format_millis(wall_us, text)) : json_null();
}

json_t *json_out_nanos(int64_t wall_ns)
{
    const int64_t ns_per_sec = INT64_C(1000000000);
    int64_t seconds = wall_ns / ns_per_sec - (wall_ns % ns_per_sec < 0);
    char text[CLOCK_TEXT_MAX];
    clock_format_seconds(seconds * CLOCK_US_PER_SEC, text);
    return json_sprintf("%.*s.%09" PRId64 "Z", (int)strcspn(text, "Z"), text,
                        wall_ns - seconds * ns_per_sec);
}

json_t *json_out_text(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return json_string(valid);
}

json_t *json_out_error_name(ErrorCode error)
{
    return error == ERROR_NONE ? json_null() : json_string(error_name(error));
}

void json_out_set_bytes(json_t *object, const char *key, const char *bytes)
{
    bool encoded = false;
    g_autofree char *text = object_key_to_text(bytes, &encoded);
    json_object_set_new(object, key, json_string(text));
    if (encoded) {
        g_autofree char *mark = g_strconcat(key, "_encoding", NULL);
        json_object_set_new(object, mark, json_string("percent"));
    }
}
