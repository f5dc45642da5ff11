/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line: its parts at each width, and its rate and remaining time. */
#include "base/clock.h"
#include "views/progress.h"

#include <locale.h>
#include <string.h>

typedef struct {
    const char *name;
    const char *label;
    ProgressCount count;
    double rate;
    unsigned width;
    const char *blocks;
    const char *ascii;
} LineCase;

static const LineCase lines[] = {
    {"all",
     "reprocess",
     {4120, 10000, 2, false},
     312.4,
     78,
     "reprocess [██████▌         ]  41%  4,120 of 10,000  312/s  0:19 left  2 failed",
     "reprocess [######          ]  41%  4,120 of 10,000  312/s  0:19 left  2 failed"},
    {"wide",
     "a",
     {1, 2, 0, false},
     -1,
     200,
     "a [████████████████████                    ]  50%  1 of 2",
     "a [####################                    ]  50%  1 of 2"},
    {"done",
     "a",
     {2, 2, 0, false},
     -1,
     30,
     "a [█████████████] 100%  2 of 2",
     "a [#############] 100%  2 of 2"},
    {"no-bar",
     "reprocess",
     {4120, 10000, 2, false},
     312.4,
     70,
     "reprocess  41%  4,120 of 10,000  312/s  0:19 left  2 failed",
     NULL},
    {"no-rate",
     "reprocess",
     {4120, 10000, 2, false},
     312.4,
     58,
     "reprocess  41%  4,120 of 10,000  0:19 left  2 failed",
     NULL},
    {"no-label",
     "reprocess",
     {4120, 10000, 2, false},
     312.4,
     50,
     " 41%  4,120 of 10,000  0:19 left  2 failed",
     NULL},
    {"no-time-left",
     "reprocess",
     {4120, 10000, 2, false},
     312.4,
     40,
     " 41%  4,120 of 10,000  2 failed",
     NULL},
    {"no-failures", "reprocess", {4120, 10000, 2, false}, 312.4, 28, " 41%  4,120 of 10,000", NULL},
    {"count-only", "reprocess", {4120, 10000, 2, false}, 312.4, 15, "4,120 of 10,000", NULL},
    {"nothing-fits", "reprocess", {4120, 10000, 2, false}, 312.4, 14, "", NULL},
    {"no-width", "reprocess", {0, 0, 0, false}, -1, 0, "", NULL},
    {"no-total", "sweep", {1234567, 0, 0, false}, 20000, 79, "sweep 1,234,567  20,000/s", NULL},
    {"growing", "scan", {5, 10, 1, true}, 2, 79, "scan 5 of 10  2.0/s  1 failed", NULL},
    {"no-label-given", "", {5, 10, 0, true}, 2, 79, "5 of 10  2.0/s", NULL},
    {"more-than-total", "a", {5, 3, 0, false}, 1, 20, "a 100%  5 of 5", NULL},
    {"not-quite", "a", {9999, 10000, 0, false}, -1, 30, "a  99%  9,999 of 10,000", NULL},
    {"minutes", "", {0, 3599, 0, false}, 1, 40, "  0%  0 of 3,599  1.0/s  59:59 left", NULL},
    {"hours", "", {0, 93605, 0, false}, 1, 44, "  0%  0 of 93,605  1.0/s  26:00:05 left", NULL},
    {"stuck", "", {0, 10, 0, false}, 0, 23, "  0%  0 of 10  0.0/s", NULL},
    {"crawling", "", {0, UINT64_MAX, 0, false}, 1e-300, 24, "  0%", NULL},
};

static void check_line(const LineCase *row, const char *locale, const char *expected)
{
    g_assert_nonnull(setlocale(LC_CTYPE, locale));
    g_autofree char *line = progress_format(row->label, &row->count, row->rate, row->width);
    if (strcmp(row->name, "crawling") == 0)
        /* Any number may follow. */
        g_assert_true(g_str_has_prefix(line, expected));
    else
        g_assert_cmpstr(line, ==, expected);
}

static void test_line(const void *data)
{
    const LineCase *row = data;

    check_line(row, "C.UTF-8", row->blocks);
    check_line(row, "C", row->ascii ? row->ascii : row->blocks);
}

/* The line fits any width, and has more parts if there is more room. */
static void test_fits(void)
{
    const ProgressCount count = {123456, 7654321, 12, false};

    g_assert_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    for (unsigned width = 0; width < 300; width++) {
        g_autofree char *line = progress_format("reprocess", &count, 99.5, width);
        glong columns = g_utf8_strlen(line, -1);
        g_assert_cmpint(columns, <=, width);
        g_assert_true(g_utf8_validate(line, -1, NULL));
        if (width >= strlen("123,456 of 7,654,321"))
            g_assert_nonnull(strstr(line, "123,456 of 7,654,321"));
    }
}

typedef struct {
    /* Seconds since the last step. */
    double seconds;
    uint64_t done;
} Step;

typedef struct {
    const char *name;
    /* Steps, up to one that is all zero. The first is at time 0. */
    Step steps[8];
    double least, most;
} RateCase;

static const RateCase rates[] = {
    {"nothing", {{0, 0}}, -1, -1},
    {"one-only", {{1, 100}}, -1, -1},
    {"what-was-done-before", {{1, 1000}, {1, 1010}}, 10, 10},
    {"too-soon", {{1, 1}, {0.4, 500}}, -1, -1},
    {"steady", {{1, 1}, {1, 11}, {1, 21}, {1, 31}}, 9.99, 10.01},
    {"uneven-steps", {{1, 1}, {0.1, 2}, {2, 22}, {0.4, 26}}, 9.99, 10.01},
    {"slows-down", {{1, 1}, {1, 101}, {1, 111}}, 50, 60},
    {"of-late", {{1, 1}, {1, 1001}, {60, 1061}}, 1, 1.1},
    {"stands-still", {{1, 1}, {1, 101}, {100, 101}}, 0, 0.01},
    {"no-time", {{1, 1}, {0, 2}, {1, 11}}, 9.99, 10.01},
    {"begins-anew", {{1, 500}, {1, 600}, {1, 5}, {1, 7}}, 2, 2},
};

static void test_rate(const void *data)
{
    const RateCase *row = data;
    ProgressRate rate = {0};
    int64_t now_us = INT64_C(1) << 40;

    for (size_t i = 0; i < G_N_ELEMENTS(row->steps); i++) {
        const Step *step = &row->steps[i];
        if (step->seconds == 0 && step->done == 0)
            break;
        now_us += (int64_t)(step->seconds * CLOCK_US_PER_SEC);
        progress_rate_add(&rate, step->done, now_us);
    }
    g_assert_cmpfloat(progress_rate_value(&rate), >=, row->least);
    g_assert_cmpfloat(progress_rate_value(&rate), <=, row->most);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *path = g_strdup_printf("/progress/line/%s", lines[i].name);
        g_test_add_data_func(path, &lines[i], test_line);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rates); i++) {
        g_autofree char *path = g_strdup_printf("/progress/rate/%s", rates[i].name);
        g_test_add_data_func(path, &rates[i], test_rate);
    }
    g_test_add_func("/progress/fits", test_fits);
    return g_test_run();
}
