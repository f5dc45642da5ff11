/* SPDX-License-Identifier: Apache-2.0 */
/* Times, quantities and keys as people write them. */
#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"
#include "fuzz.h"
#include "model/object.h"

#include <string.h>

/* The time 2026-02-01T00:00:00Z. */
#define NOW_US (INT64_C(1769904000) * CLOCK_US_PER_SEC)

/* The time rounded down to a whole number of `unit_us`, as its text has it. */
static int64_t in_whole(int64_t wall_us, int64_t unit_us)
{
    int64_t rest_us = wall_us % unit_us;
    return wall_us - rest_us - (rest_us < 0 ? unit_us : 0);
}

/* Checks that a formatted time is parsed to the same time. */
static void check_formatted(const char *text, int64_t wall_us)
{
    int64_t again_us;

    /* Earlier years are formatted as year 0, which the parser refuses. */
    if (!g_str_has_prefix(text, "0000")) {
        g_assert_true(clock_parse_time(text, NOW_US, &again_us, NULL));
        g_assert_cmpint(again_us, ==, wall_us);
    }
}

static void check_time(const char *text)
{
    g_autoptr(GError) error = NULL;
    char formatted[CLOCK_TEXT_MAX];
    int64_t wall_us;

    if (!clock_parse_time(text, NOW_US, &wall_us, &error)) {
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        return;
    }
    clock_format_seconds(wall_us, formatted);
    g_assert_cmpuint(strlen(formatted), ==, strlen("2026-02-01T00:00:00Z"));
    check_formatted(formatted, in_whole(wall_us, CLOCK_US_PER_SEC));
    clock_format_millis(wall_us, formatted);
    check_formatted(formatted, in_whole(wall_us, CLOCK_US_PER_SEC / 1000));
}

static void check_units(const char *text)
{
    static bool (*const parsers[])(const char *, int64_t *, GError **) = {
        units_parse_bytes, units_parse_count, units_parse_duration};
    static char *(*const formats[])(int64_t) = {units_format_bytes, units_format_count,
                                                clock_format_duration};

    for (size_t i = 0; i < G_N_ELEMENTS(parsers); i++) {
        g_autoptr(GError) error = NULL;
        int64_t value;

        if (parsers[i](text, &value, &error)) {
            g_autofree char *formatted = formats[i](value);
            g_assert_cmpint(value, >=, 0);
            g_assert_nonnull(formatted);
        } else {
            g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        }
    }
}

static void check_key(const char *text)
{
    bool encoded;
    g_autofree char *as_key = object_key_from_text(text);

    g_assert_true(!as_key || object_key_is_valid(as_key));
    if (!object_key_is_valid(text))
        return;
    g_autofree char *shown = object_key_to_text(text, &encoded);
    g_assert_true(g_utf8_validate(shown, -1, NULL));
    if (encoded) {
        g_autofree char *back = object_key_from_text(shown);
        g_assert_cmpstr(back, ==, text);
    } else {
        g_assert_cmpstr(shown, ==, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const names[] = {"size", "fit", "format", "quality", "background"};
    g_autofree char *text = g_strndup((const char *)data, len);

    check_time(text);
    check_units(text);
    check_key(text);
    (void)units_nearest(text, names, G_N_ELEMENTS(names));
    return 0;
}
