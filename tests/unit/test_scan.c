/* SPDX-License-Identifier: Apache-2.0 */
#include "base/scan.h"

#include <glib.h>

static const struct {
    const char *name, *text;
    uint64_t max;
    bool ok;
    uint64_t number;
    const char *rest;
} numbers[] = {
    {"zero", "0", 9, true, 0, ""},
    {"rest", "12x8", 99, true, 12, "x8"},
    {"at-the-limit", "99 ", 99, true, 99, " "},
    {"above-the-limit", "100", 99, false, 0, "100"},
    {"largest", "18446744073709551615", UINT64_MAX, true, UINT64_MAX, ""},
    {"larger-than-64-bits", "18446744073709551616", UINT64_MAX, false, 0, "18446744073709551616"},
    {"small-limit", "5", 4, false, 0, "5"},
    {"leading-zeros", "0007", 9, true, 7, ""},
    {"minus", "-1", 9, false, 0, "-1"},
    {"plus", "+1", 9, false, 0, "+1"},
    {"blank", " 1", 9, false, 0, " 1"},
    {"empty", "", 9, false, 0, ""},
};

static void test_number(const void *data)
{
    size_t i = GPOINTER_TO_SIZE(data);
    const char *at = numbers[i].text;
    uint64_t number = 77;

    g_assert_cmpint(scan_number(&at, numbers[i].max, &number), ==, numbers[i].ok);
    g_assert_cmpuint(number, ==, numbers[i].ok ? numbers[i].number : 77);
    g_assert_cmpstr(at, ==, numbers[i].rest);
}

static void test_text(void)
{
    const char *at = "M of N";
    g_assert_false(scan_text(&at, "N"));
    g_assert_cmpstr(at, ==, "M of N");
    g_assert_true(scan_text(&at, "M of"));
    scan_blanks(&at);
    g_assert_cmpstr(at, ==, "N");
    scan_blanks(&at);
    g_assert_false(scan_text(&at, "Nx"));
    g_assert_cmpstr(at, ==, "N");
}

static void test_int(void)
{
    const char *at = "2147483647 2147483648";
    int number = 0;
    g_assert_true(scan_int(&at, G_MAXINT, &number));
    g_assert_cmpint(number, ==, G_MAXINT);
    scan_blanks(&at);
    g_assert_false(scan_int(&at, G_MAXINT, &number));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autofree char *path = g_strdup_printf("/scan/number/%s", numbers[i].name);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_number);
    }
    g_test_add_func("/scan/text", test_text);
    g_test_add_func("/scan/int", test_int);
    return g_test_run();
}
