/* SPDX-License-Identifier: Apache-2.0 */
/* Filters as text are written, read and refused. */
#include "base/error.h"
#include "store/filter_text.h"

#include <string.h>

/* The time 2026-01-01T00:00:00Z. */
#define T0 (INT64_C(1767225600) * 1000000)

typedef struct {
    const char *name;
    StoreFilter filter;
    const char *text;
} Case;

static const Case cases[] = {
    {"nothing", {0}, ""},
    {"prefix", {.prefix = "2026/trip"}, "prefix=2026/trip"},
    {"prefix-empty", {.prefix = ""}, ""},
    {"bytes", {.prefix = "a b&c=d%\xff\n"}, "prefix=a%20b%26c%3Dd%25%FF%0A"},
    {"match", {.match = "*.[pP]?g"}, "match=%2A.%5BpP%5D%3Fg"},
    {"types", {.types = 1 << IMAGE_JPEG | 1 << IMAGE_NONE}, "type=none,jpeg"},
    {"states", {.states = 1 << STATE_DEAD | 1 << STATE_DONE}, "state=done,dead"},
    {"since", {.has_since = true, .since_us = T0}, "since=2026-01-01T00:00:00"},
    {"since-instant",
     {.has_since = true, .since_us = T0, .since_is_instant = true},
     "since=2026-01-01T00:00:00Z"},
    {"since-1969", {.has_since = true, .since_us = -1000000}, "since=1969-12-31T23:59:59"},
    {"until", {.has_until = true, .until_us = T0 + 61000000}, "until=2026-01-01T00:01:01"},
    {"until-instant",
     {.has_until = true, .until_us = T0, .until_is_instant = true},
     "until=2026-01-01T00:00:00Z"},
    {"sizes",
     {.has_min_size = true, .has_max_size = true, .max_size = INT64_MAX},
     "min-size=0&max-size=9223372036854775807"},
    {"damaged", {.damaged = true}, "damaged"},
    {"all",
     {.prefix = "p",
      .match = "m",
      .types = 1 << IMAGE_PNG,
      .states = 1 << STATE_SKIPPED,
      .has_since = true,
      .since_us = T0,
      .has_until = true,
      .until_us = T0 + 1000000,
      .has_min_size = true,
      .min_size = 1,
      .has_max_size = true,
      .max_size = 2,
      .damaged = true},
     "prefix=p&match=m&type=png&state=skipped&since=2026-01-01T00:00:00&"
     "until=2026-01-01T00:00:01&min-size=1&max-size=2&damaged"},
};

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static void test_case(const void *data)
{
    const Case *row = data;
    const StoreFilter *a = &row->filter;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = filter_text_format(a);
    g_assert_cmpstr(text, ==, row->text);
    StoreFilter *b = filter_text_parse(text, &error);
    g_assert_no_error(error);
    g_assert_nonnull(b);
    g_assert_cmpstr(b->prefix, ==, or_null(a->prefix));
    g_assert_cmpstr(b->match, ==, a->match);
    g_assert_cmphex(b->types, ==, a->types);
    g_assert_cmphex(b->states, ==, a->states);
    g_assert_true(b->has_since == a->has_since && b->has_until == a->has_until);
    g_assert_true(b->has_min_size == a->has_min_size && b->has_max_size == a->has_max_size);
    g_assert_cmpint(b->since_us, ==, a->since_us);
    g_assert_cmpint(b->until_us, ==, a->until_us);
    g_assert_true(b->since_is_instant == a->since_is_instant);
    g_assert_true(b->until_is_instant == a->until_is_instant);
    g_assert_cmpint(b->min_size, ==, a->min_size);
    g_assert_cmpint(b->max_size, ==, a->max_size);
    g_assert_true(b->damaged == a->damaged);
    g_assert_true(store_filter_is_empty(b) == (*text == '\0'));
    filter_text_free(b);
}

static const char *const wrong[] = {
    "&",
    "prefix",
    "prefix=",
    "prefix=a&prefix=b",
    "prefix=%",
    "prefix=%00",
    "type",
    "type=",
    "type=gold",
    "type=png,",
    "state=undone",
    "since",
    "since=7d",
    "since=2026-01-01",
    "until=tomorrowZ",
    "min-size",
    "min-size=-1",
    "min-size=1K",
    "max-size=99999999999999999999",
    "damaged=yes",
    "colour=red",
    "prefix=a&",
    "=",
};

static void test_wrong(const void *data)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(filter_text_parse(data, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
}

static void test_too_long(void)
{
    g_autofree char *prefix = g_strnfill(FILTER_TEXT_MAX, 'a');
    g_autofree char *text = g_strconcat("prefix=", prefix, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_null(filter_text_parse(text, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/filter-text/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *path = g_strdup_printf("/filter-text/wrong/%zu", i);
        g_test_add_data_func(path, wrong[i], test_wrong);
    }
    g_test_add_func("/filter-text/too-long", test_too_long);
    return g_test_run();
}
