/* SPDX-License-Identifier: Apache-2.0 */
/* Sparklines and bars, in block characters and in plain ASCII. */
#include "views/chart.h"

#include <locale.h>
#include <math.h>
#include <string.h>

#define VALUES_MAX 12

typedef struct {
    const char *name;
    size_t n;
    double values[VALUES_MAX];
    const char *blocks;
    const char *ascii;
} SparklineCase;

static const SparklineCase sparklines[] = {
    {"empty", 0, {0}, "", ""},
    {"one", 1, {5}, "█", "8"},
    {"all-levels", 8, {1, 2, 3, 4, 5, 6, 7, 8}, "▁▂▃▄▅▆▇█", "12345678"},
    {"all-equal", 3, {7, 7, 7}, "███", "888"},
    {"zero", 3, {0, 8, 0}, ".█.", ".8."},
    {"zeros-only", 3, {0, 0, 0}, "...", "..."},
    {"small-shows", 2, {1e-9, 1e9}, "▁█", "18"},
    {"between", 3, {0.5, 4.01, 8}, "▁▅█", "158"},
    {"negative", 2, {-3, 3}, ".█", ".8"},
    {"missing", 4, {1, NAN, 0, 1}, "█ .█", "8 .8"},
    {"missing-only", 2, {NAN, NAN}, "  ", "  "},
    {"infinite", 3, {INFINITY, 4, -INFINITY}, "██.", "88."},
    {"infinite-only", 2, {INFINITY, 0}, "█.", "8."},
    {"tiny", 2, {5e-324, 0}, "█.", "8."},
    {"huge", 2, {1.7e308, 0.9e308}, "█▅", "85"},
};

typedef struct {
    const char *name;
    double fraction;
    unsigned cells;
    const char *blocks;
    const char *ascii;
} BarCase;

static const BarCase bars[] = {
    {"empty", 0, 4, "", ""},
    {"full", 1, 4, "████", "####"},
    {"half", 0.5, 4, "██", "##"},
    {"half-a-cell", 0.5, 3, "█▌", "#"},
    {"eighths", 7.0 / 16, 2, "▉", "#"},
    {"small-shows", 1e-9, 4, "▏", "#"},
    {"nearly-full", 0.9999, 4, "███▉", "###"},
    {"over", 1.5, 2, "██", "##"},
    {"infinite", INFINITY, 2, "██", "##"},
    {"negative", -0.5, 2, "", ""},
    {"nan", NAN, 2, "", ""},
    {"no-cells", 1, 0, "", ""},
    {"no-cells-small", 0.1, 0, "", ""},
};

static void use_locale(const char *name)
{
    g_assert_nonnull(setlocale(LC_CTYPE, name));
}

static void test_sparkline(const void *data)
{
    const SparklineCase *row = data;
    use_locale("C.UTF-8");
    g_autofree char *blocks = chart_sparkline(row->values, row->n);
    g_assert_cmpstr(blocks, ==, row->blocks);
    use_locale("C");
    g_autofree char *ascii = chart_sparkline(row->values, row->n);
    g_assert_cmpstr(ascii, ==, row->ascii);
}

static void test_bar(const void *data)
{
    const BarCase *row = data;
    use_locale("C.UTF-8");
    g_autofree char *blocks = chart_bar(row->fraction, row->cells);
    g_assert_cmpstr(blocks, ==, row->blocks);
    use_locale("C");
    g_autofree char *ascii = chart_bar(row->fraction, row->cells);
    g_assert_cmpstr(ascii, ==, row->ascii);
}

/* A bar grows with its share, never exceeds its cells, and is full only at the end. */
static void test_bar_grows(void)
{
    enum { STEPS = 1000, CELLS = 17 };
    use_locale("C.UTF-8");
    g_autofree char *before = chart_bar(0, CELLS);
    for (int i = 1; i <= STEPS; i++) {
        g_autofree char *bar = chart_bar((double)i / STEPS, CELLS);
        glong cells = g_utf8_strlen(bar, -1);
        g_assert_cmpint(cells, >=, g_utf8_strlen(before, -1));
        g_assert_cmpint(cells, <=, CELLS);
        g_assert_cmpint(strlen(bar) == CELLS * strlen("█") && g_str_has_suffix(bar, "█"), ==,
                        i == STEPS);
        g_free(g_steal_pointer(&before));
        before = g_steal_pointer(&bar);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(sparklines); i++) {
        g_autofree char *path = g_strdup_printf("/chart/sparkline/%s", sparklines[i].name);
        g_test_add_data_func(path, &sparklines[i], test_sparkline);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bars); i++) {
        g_autofree char *path = g_strdup_printf("/chart/bar/%s", bars[i].name);
        g_test_add_data_func(path, &bars[i], test_bar);
    }
    g_test_add_func("/chart/bar/grows", test_bar_grows);
    return g_test_run();
}
