/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities as people write them, and as they are printed for people. */
#include "base/error.h"
#include "base/units.h"

#include <string.h>

typedef bool Parse(const char *text, int64_t *ret_value, GError **error);

typedef struct {
    const char *name;
    Parse *parse;
    const char *text;
    int64_t value;
} ValidCase;

#define KIB INT64_C(1024)
#define SEC INT64_C(1000000)

static const ValidCase valid[] = {
    {"bytes-zero", units_parse_bytes, "0", 0},
    {"bytes-plain", units_parse_bytes, "512", 512},
    {"bytes-b", units_parse_bytes, "512B", 512},
    {"bytes-k", units_parse_bytes, "10K", 10 * KIB},
    {"bytes-kb", units_parse_bytes, "10KB", 10 * KIB},
    {"bytes-kib", units_parse_bytes, "10KiB", 10 * KIB},
    {"bytes-lower", units_parse_bytes, "10k", 10 * KIB},
    {"bytes-m", units_parse_bytes, "2M", 2 * KIB *KIB},
    {"bytes-decimal", units_parse_bytes, "1.5M", 3 * KIB *KIB / 2},
    {"bytes-g", units_parse_bytes, "1G", KIB *KIB *KIB},
    {"bytes-t", units_parse_bytes, "1T", KIB *KIB *KIB *KIB},
    {"bytes-leading-zeros", units_parse_bytes, "007", 7},
    {"count-plain", units_parse_count, "200", 200},
    {"count-k", units_parse_count, "10K", 10000},
    {"count-m", units_parse_count, "150M", 150000000},
    {"count-decimal", units_parse_count, "1.5M", 1500000},
    {"count-g", units_parse_count, "2G", INT64_C(2000000000)},
    {"duration-zero", units_parse_duration, "0", 0},
    {"duration-w", units_parse_duration, "2w", 14 * 86400 * SEC},
    {"duration-us", units_parse_duration, "7us", 7},
    {"duration-ms", units_parse_duration, "500ms", SEC / 2},
    {"duration-s", units_parse_duration, "15s", 15 * SEC},
    {"duration-m", units_parse_duration, "2m", 120 * SEC},
    {"duration-h", units_parse_duration, "1h", 3600 * SEC},
    {"duration-d", units_parse_duration, "1d", 86400 * SEC},
    {"duration-decimal", units_parse_duration, "1.5s", 3 * SEC / 2},
};

static void test_valid(const void *data)
{
    const ValidCase *row = data;
    g_autoptr(GError) error = NULL;
    int64_t value = -1;

    bool parsed = row->parse(row->text, &value, &error);
    g_assert_no_error(error);
    g_assert_true(parsed);
    g_assert_cmpint(value, ==, row->value);
}

/* No parser accepts any of these. */
static const char *const invalid[] = {
    "",     " ",         "1 ",    " 1",    "-1",  "+1",  ".5",
    "x",    "1x",        "1K2",   "1.2.3", "1,5", "nan", "inf",
    "0x10", "1e3",       "1e400", "1MM",   "1 M", "K",   "9999999999999999999999",
    "1\n",  "1\xc3\xa9", "1.",
};

static void test_invalid(const void *data)
{
    static Parse *const parsers[] = {units_parse_bytes, units_parse_count, units_parse_duration};
    const char *text = data;

    for (size_t i = 0; i < G_N_ELEMENTS(parsers); i++) {
        g_autoptr(GError) error = NULL;
        int64_t value = -1;

        g_assert_false(parsers[i](text, &value, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        g_assert_nonnull(strstr(error->message, text));
        g_assert_cmpint(value, ==, -1);
    }
}

typedef char *Format(int64_t value);

typedef struct {
    const char *name;
    Format *format;
    int64_t value;
    const char *text;
} FormatCase;

static const FormatCase formats[] = {
    {"bytes-zero", units_format_bytes, 0, "0 B"},
    {"bytes-below", units_format_bytes, 1023, "1023 B"},
    {"bytes-kib", units_format_bytes, 1024, "1.0 KiB"},
    {"bytes-rounded-up", units_format_bytes, 1023 * KIB, "1.0 MiB"},
    {"bytes-mib", units_format_bytes, 4 * KIB *KIB, "4.0 MiB"},
    {"bytes-tib", units_format_bytes, 3 * KIB *KIB *KIB *KIB / 2, "1.5 TiB"},
    {"bytes-most", units_format_bytes, INT64_MAX, "8.0 EiB"},
    {"count-zero", units_format_count, 0, "0"},
    {"count-three", units_format_count, 999, "999"},
    {"count-four", units_format_count, 1000, "1,000"},
    {"count-eight", units_format_count, 12345678, "12,345,678"},
    {"count-negative", units_format_count, -123456, "-123,456"},
    {"count-least", units_format_count, INT64_MIN, "-9,223,372,036,854,775,808"},
};

static void test_format(const void *data)
{
    const FormatCase *row = data;
    g_autofree char *text = row->format(row->value);

    g_assert_cmpstr(text, ==, row->text);
}

typedef struct {
    const char *name;
    const char *text;
    const char *nearest;
} NearestCase;

static const NearestCase nearest[] = {
    {"same", "quality", "quality"},
    {"swapped", "qualtiy", "quality"},
    {"missing", "qualty", "quality"},
    {"added", "formatt", "format"},
    {"other", "zzzzzzzz", NULL},
    {"prefix-wins", "siz", "size"},
    {"empty", "", NULL},
};

static void test_nearest(const void *data)
{
    static const char *const names[] = {"size", "fit", "format", "quality", "background"};
    const NearestCase *row = data;

    g_assert_cmpstr(units_nearest(row->text, names, G_N_ELEMENTS(names)), ==, row->nearest);
}

/* A text or a name may have any length. */
static void test_nearest_long(void)
{
    g_autofree char *text = g_strnfill(100000, 'q');
    const char *const names[] = {text, "quality"};

    g_assert_null(units_nearest(text, names, G_N_ELEMENTS(names)));
    g_assert_cmpstr(units_nearest("quality", names, G_N_ELEMENTS(names)), ==, "quality");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(valid); i++) {
        g_autofree char *path = g_strdup_printf("/units/valid/%s", valid[i].name);
        g_test_add_data_func(path, &valid[i], test_valid);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++) {
        g_autofree char *path = g_strdup_printf("/units/invalid/%zu", i);
        g_test_add_data_func(path, invalid[i], test_invalid);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *path = g_strdup_printf("/units/format/%s", formats[i].name);
        g_test_add_data_func(path, &formats[i], test_format);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(nearest); i++) {
        g_autofree char *path = g_strdup_printf("/units/nearest/%s", nearest[i].name);
        g_test_add_data_func(path, &nearest[i], test_nearest);
    }
    g_test_add_func("/units/nearest-long", test_nearest_long);
    return g_test_run();
}
