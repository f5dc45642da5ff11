/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of the command line: their parsed form, and the messages for wrong ones. */
#include "base/clock.h"
#include "base/error.h"
#include "filter_options.h"

#include <string.h>

/* The time 2026-02-01T00:00:00Z. */
#define NOW_US (INT64_C(1769904000) * CLOCK_US_PER_SEC)

#define TYPE(type)   (UINT32_C(1) << IMAGE_##type)
#define STATE(state) (UINT32_C(1) << STATE_##state)

typedef struct {
    const char *name;
    FilterOptions options;
    StoreFilter filter;
} ValidCase;

static const ValidCase valid[] = {
    {"nothing", {0}, {0}},
    {"prefix", {.prefix = "2026/"}, {.prefix = "2026/"}},
    {"prefix-empty", {.prefix = ""}, {0}},
    {"match", {.match = "*.jpg"}, {.match = "*.jpg"}},
    {"type", {.type = "jpeg"}, {.types = TYPE(JPEG)}},
    {"types", {.type = "jpeg,png, webp"}, {.types = TYPE(JPEG) | TYPE(PNG) | TYPE(WEBP)}},
    {"type-twice", {.type = "gif,gif"}, {.types = TYPE(GIF)}},
    {"type-extension", {.type = "jpg"}, {.types = TYPE(JPEG)}},
    {"type-none-other", {.type = "none,other"}, {.types = TYPE(NONE) | TYPE(OTHER)}},
    {"state", {.state = "dead"}, {.states = STATE(DEAD)}},
    {"states", {.state = "done,dead"}, {.states = STATE(DONE) | STATE(DEAD)}},
    {"since-date",
     {.since = "2026-01-31Z"},
     {.has_since = true, .since_us = NOW_US - 86400 * CLOCK_US_PER_SEC}},
    {"since-time",
     {.since = "2026-01-31T12:00Z"},
     {.has_since = true, .since_us = NOW_US - 43200 * CLOCK_US_PER_SEC}},
    {"since-age",
     {.since = "7d"},
     {.has_since = true, .since_us = NOW_US - 7 * 86400 * CLOCK_US_PER_SEC}},
    {"since-until",
     {.since = "2d", .until = "12h"},
     {.has_since = true,
      .since_us = NOW_US - 2 * 86400 * CLOCK_US_PER_SEC,
      .has_until = true,
      .until_us = NOW_US - 43200 * CLOCK_US_PER_SEC}},
    {"min-size", {.min_size = "10K"}, {.has_min_size = true, .min_size = 10240}},
    {"min-size-zero", {.min_size = "0"}, {.has_min_size = true, .min_size = 0}},
    {"max-size", {.max_size = "2M"}, {.has_max_size = true, .max_size = 2 << 20}},
    {"size-exact",
     {.min_size = "1K", .max_size = "1024"},
     {.has_min_size = true, .min_size = 1024, .has_max_size = true, .max_size = 1024}},
    {"damaged", {.damaged = true}, {.damaged = true}},
};

static void test_valid(const void *data)
{
    const ValidCase *row = data;
    g_autoptr(GError) error = NULL;
    StoreFilter filter;
    bool ok = filter_parse(&row->options, NOW_US, &filter, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpstr(filter.prefix, ==, row->filter.prefix);
    g_assert_cmpstr(filter.match, ==, row->filter.match);
    g_assert_cmphex(filter.types, ==, row->filter.types);
    g_assert_cmphex(filter.states, ==, row->filter.states);
    g_assert_cmpint(filter.has_since, ==, row->filter.has_since);
    g_assert_cmpint(filter.since_us, ==, row->filter.since_us);
    g_assert_cmpint(filter.has_until, ==, row->filter.has_until);
    g_assert_cmpint(filter.until_us, ==, row->filter.until_us);
    g_assert_cmpint(filter.has_min_size, ==, row->filter.has_min_size);
    g_assert_cmpint(filter.min_size, ==, row->filter.min_size);
    g_assert_cmpint(filter.has_max_size, ==, row->filter.has_max_size);
    g_assert_cmpint(filter.max_size, ==, row->filter.max_size);
    g_assert_cmpint(filter.damaged, ==, row->filter.damaged);
}

typedef struct {
    const char *name;
    FilterOptions options;
    /* Parts of the message. */
    const char *says[3];
} InvalidCase;

static const InvalidCase invalid[] = {
    {"type-unknown", {.type = "jpge"}, {"--type", "'jpge'", "did you mean 'jpeg'?"}},
    {"type-second", {.type = "png,bmpx"}, {"--type", "'bmpx'"}},
    {"type-empty", {.type = ""}, {"--type", "empty"}},
    {"type-empty-item", {.type = "jpeg,,png"}, {"--type", "''"}},
    {"type-case", {.type = "JPEG"}, {"--type", "'JPEG'"}},
    {"state-unknown", {.state = "dedd"}, {"--state", "'dedd'", "did you mean 'dead'?"}},
    {"state-empty", {.state = ""}, {"--state"}},
    {"match-empty", {.match = ""}, {"--match"}},
    {"since-word", {.since = "yesterday"}, {"--since", "'yesterday'"}},
    {"since-month", {.since = "2026-13-01"}, {"--since", "'2026-13-01'"}},
    {"since-rubbish", {.since = "7dd"}, {"--since", "'7dd'"}},
    {"until-empty", {.until = ""}, {"--until"}},
    {"until-negative", {.until = "-3d"}, {"--until", "'-3d'"}},
    {"min-size-unit", {.min_size = "10Q"}, {"--min-size", "'10Q'"}},
    {"min-size-negative", {.min_size = "-1"}, {"--min-size", "'-1'"}},
    {"max-size-empty", {.max_size = ""}, {"--max-size"}},
    {"max-size-huge", {.max_size = "99999999999999999999"}, {"--max-size"}},
    {"since-after-until", {.since = "1d", .until = "2d"}, {"--since '1d'", "--until '2d'"}},
    {"since-is-until", {.since = "1d", .until = "1d"}, {"--since", "--until"}},
    {"min-above-max", {.min_size = "2K", .max_size = "1K"}, {"--min-size '2K'", "'1K'"}},
};

static void test_invalid(const void *data)
{
    const InvalidCase *row = data;
    g_autoptr(GError) error = NULL;
    StoreFilter filter = {.types = 12345};
    g_assert_false(filter_parse(&row->options, NOW_US, &filter, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    for (size_t i = 0; i < G_N_ELEMENTS(row->says) && row->says[i]; i++) {
        g_test_message("'%s' in '%s'", row->says[i], error->message);
        g_assert_nonnull(strstr(error->message, row->says[i]));
    }
    /* The result is written only on success. */
    g_assert_cmpuint(filter.types, ==, 12345);
}

int main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(valid); i++) {
        g_autofree char *path = g_strconcat("/filter/valid/", valid[i].name, NULL);
        g_test_add_data_func(path, &valid[i], test_valid);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++) {
        g_autofree char *path = g_strconcat("/filter/invalid/", invalid[i].name, NULL);
        g_test_add_data_func(path, &invalid[i], test_invalid);
    }
    return g_test_run();
}
