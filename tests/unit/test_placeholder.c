/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placeholders are decoded again. Pictures that are smooth enough for a ThumbHash come back nearly
 * unchanged, on average (terms that are zero have no code of their own, which shows at the edges).
 * The hashes are those of the reference (see test_thumbhash.c). Any bytes are accepted.
 */
#include "pixels/thumbhash.h"
#include "views/placeholder.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define SIDE 60

typedef struct {
    const char *name;
    int width, height;
    /* For red, green, blue: a value, and its change across and down. */
    double base[3], across[3], down[3];
    double opacity;
    /* Largest mean error. */
    double tolerance;
} Case;

static const Case cases[] = {
    {"grey", 60, 60, {128, 128, 128}, {0, 0, 0}, {0, 0, 0}, 1, 3},
    {"red", 60, 60, {220, 30, 30}, {0, 0, 0}, {0, 0, 0}, 1, 3},
    {"blue", 60, 60, {20, 40, 210}, {0, 0, 0}, {0, 0, 0}, 1, 3},
    {"across", 60, 40, {40, 40, 40}, {170, 170, 170}, {0, 0, 0}, 1, 12},
    {"down", 40, 60, {200, 120, 60}, {0, 0, 0}, {-120, -60, 0}, 1, 12},
    {"both", 60, 45, {60, 60, 120}, {100, 0, 0}, {0, 100, 0}, 1, 12},
    {"portrait", 20, 60, {90, 90, 90}, {0, 0, 0}, {80, 80, 80}, 1, 12},
    {"half-clear", 60, 60, {200, 200, 200}, {0, 0, 0}, {0, 0, 0}, 0.5, 10},
};

static double channel_at(const Case *row, int channel, int x, int y)
{
    return row->base[channel] + row->across[channel] * (x + 0.5) / row->width +
           row->down[channel] * (y + 0.5) / row->height;
}

static void test_round_trip(const void *data)
{
    const Case *row = data;
    uint8_t rgba[SIDE * SIDE * 4], rgb[SIDE * SIDE * 3], hash[THUMBHASH_MAX];
    for (int i = 0; i < row->width * row->height; i++) {
        for (int channel = 0; channel < 3; channel++)
            rgba[i * 4 + channel] =
                (uint8_t)channel_at(row, channel, i % row->width, i / row->width);
        rgba[i * 4 + 3] = (uint8_t)(255 * row->opacity);
    }
    size_t len = thumbhash_encode(rgba, row->width, row->height, hash);
    placeholder_decode(hash, len, row->width, row->height, rgb);
    double error = 0;
    for (int i = 0; i < row->width * row->height * 3; i++)
        error += fabs(rgb[i] - row->opacity *
                                   channel_at(row, i % 3, i / 3 % row->width, i / 3 / row->width));
    g_assert_cmpfloat(error / (row->width * row->height * 3), <, row->tolerance);
}

/* A picture is not turned, not mirrored, and keeps its colours. */
static void test_corners(void)
{
    /* The reference's hash of a picture that gets red to the right and green downwards. */
    static const uint8_t hash[] = {0xdf, 0x07, 0x0a, 0x35, 0x9a, 0x80, 0x87, 0x87, 0x80, 0x78, 0x87,
                                   0x78, 0x78, 0x88, 0x78, 0x87, 0x80, 0x70, 0x08, 0xf8, 0x88};
    uint8_t rgb[4 * 3 * 3];
    placeholder_decode(hash, sizeof hash, 4, 3, rgb);
    const uint8_t *left = rgb, *right = rgb + 3 * 3, *below = rgb + 2 * 4 * 3;
    g_assert_cmpint(right[0], >, left[0] + 100);
    g_assert_cmpint(below[1], >, left[1] + 100);
    g_assert_cmpint(ABS(right[1] - left[1]), <, 40);
    g_assert_cmpint(ABS(below[0] - left[0]), <, 40);
}

/* Bytes that no encoder makes, and too few bytes, cause no error under a sanitizer. */
static void test_any_bytes(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (int i = 0; i < 2000; i++) {
        size_t len = (size_t)g_rand_int_range(rand, 0, THUMBHASH_MAX + 1);
        g_autofree uint8_t *hash = g_malloc(MAX(len, 1));
        uint8_t rgb[3 * 2 * 3];
        for (size_t at = 0; at < len; at++)
            hash[at] = (uint8_t)g_rand_int(rand);
        placeholder_decode(hash, len, 3, 2, rgb);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/placeholder/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_round_trip);
    }
    g_test_add_func("/placeholder/corners", test_corners);
    g_test_add_func("/placeholder/any-bytes", test_any_bytes);
    return g_test_run();
}
