/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/yuv.h"

#include <glib.h>
#include <stdlib.h>

typedef struct {
    const char *name;
    int primaries, matrix;
    bool is_full;
    int bits;
    uint16_t y, blue, red;
    /* Of 255. */
    int seen[3];
} Case;

/* Numbers by ITU-T H.273, 8.3, computed by hand. */
static const Case cases[] = {
    {"grey", 2, 2, true, 8, 128, 128, 128, {128, 128, 128}},
    {"narrow-white", 1, 1, false, 8, 235, 128, 128, {255, 255, 255}},
    {"narrow-black", 1, 1, false, 8, 16, 128, 128, {0, 0, 0}},
    {"whiter-than-white", 1, 1, false, 8, 255, 128, 128, {255, 255, 255}},
    {"red-601", 1, 6, true, 8, 76, 85, 255, {254, 0, 0}},
    {"red-709", 1, 1, true, 8, 54, 99, 255, {254, 0, 0}},
    {"narrow-red-709", 1, 1, false, 8, 63, 102, 240, {255, 0, 0}},
    {"narrow-red-2020", 9, 9, false, 10, 294, 388, 960, {254, 0, 0}},
    {"derived-from-primaries", 9, 12, false, 10, 294, 388, 960, {254, 0, 0}},
    {"blue-12-bits", 1, 6, true, 12, 467, 4095, 1712, {0, 0, 255}},
    {"identity", 1, 0, true, 8, 20, 30, 10, {10, 20, 30}},
    {"identity-narrow", 1, 0, false, 8, 235, 16, 16, {0, 255, 0}},
    {"ycgco-green", 1, 8, true, 8, 128, 255, 128, {1, 255, 1}},
};

static void check_near(double found, int seen, const char *name)
{
    if (found < seen - 1.01 || found > seen + 1.01)
        g_error("%s: %.2f is not %d", name, found, seen);
}

static void test_case(const void *data)
{
    const Case *row = data;
    const CodedColors colors = {row->primaries, 13, row->matrix, row->is_full};
    uint16_t alpha = (uint16_t)((1 << row->bits) - 1);
    const uint16_t *const planes[4] = {&row->y, &row->blue, &row->red, &alpha};
    uint8_t bytes[4];
    uint16_t deep[4];
    Yuv yuv;
    g_assert_true(yuv_start(&colors, row->bits, false, &yuv));
    yuv_convert(&yuv, planes, 1, false, bytes);
    g_assert_true(yuv_start(&colors, row->bits, true, &yuv));
    yuv_convert(&yuv, planes, 1, true, deep);
    for (int i = 0; i < 3; i++) {
        check_near(bytes[i], row->seen[i], row->name);
        check_near(deep[i] / 257.0, row->seen[i], row->name);
    }
    g_assert_cmpint(bytes[3], ==, 255);
    g_assert_cmpint(deep[3], ==, 65535);
}

/* No sum of the largest samples overflows: white stays white, and black stays black. */
static void test_extremes(void)
{
    static const int matrices[] = {0, 1, 6, 7, 8, 9};
    for (size_t i = 0; i < G_N_ELEMENTS(matrices); i++) {
        for (int bits = 8; bits <= 12; bits += 2) {
            const CodedColors colors = {1, 13, matrices[i], i % 2};
            uint16_t most = (uint16_t)((1 << bits) - 1), none = 0;
            for (int corner = 0; corner < 8; corner++) {
                const uint16_t *const planes[4] = {corner & 1 ? &most : &none,
                                                   corner & 2 ? &most : &none,
                                                   corner & 4 ? &most : &none, NULL};
                uint16_t deep[3];
                uint8_t bytes[3];
                Yuv yuv;
                g_assert_true(yuv_start(&colors, bits, true, &yuv));
                yuv_convert(&yuv, planes, 1, true, deep);
                g_assert_true(yuv_start(&colors, bits, false, &yuv));
                yuv_convert(&yuv, planes, 1, false, bytes);
                for (int band = 0; band < 3; band++)
                    check_near(deep[band] / 257.0, bytes[band], "corner");
            }
        }
    }
}

static void test_unknown(void)
{
    /* Constant luminance, ICtCp, numbers that mean nothing. */
    static const int matrices[] = {3, 10, 13, 14, 15, 255};
    for (size_t i = 0; i < G_N_ELEMENTS(matrices); i++) {
        const CodedColors colors = {1, 13, matrices[i], true};
        Yuv yuv;
        g_assert_false(yuv_is_known(&colors));
        g_assert_false(yuv_start(&colors, 8, false, &yuv));
    }
}

static void test_widen(void)
{
    static const uint16_t from[] = {0, 100, 40};
    uint16_t to[6];
    yuv_widen(from, 3, to);
    static const uint16_t seen[] = {0, 25, 75, 85, 55, 40};
    for (size_t i = 0; i < 6; i++)
        g_assert_cmpint(to[i], ==, seen[i]);
    yuv_widen(from + 1, 1, to);
    g_assert_cmpint(to[0], ==, 100);
    g_assert_cmpint(to[1], ==, 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/yuv/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/yuv/extremes", test_extremes);
    g_test_add_func("/yuv/unknown", test_unknown);
    g_test_add_func("/yuv/widen", test_widen);
    return g_test_run();
}
