/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/picture.h"
#include "pixels/resize.h"

#include <glib.h>
#include <math.h>
#include <string.h>

static Picture *new_picture(int width, int height, int bands)
{
    Picture *picture = picture_new(width, height, bands, NULL);
    g_assert_nonnull(picture);
    return picture;
}

/* Makes noise that is nowhere so extreme that the filter's overshoot is clipped. */
static Picture *make_noise(int width, int height, int bands, guint32 seed)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    Picture *picture = new_picture(width, height, bands);
    size_t n = picture_stride(picture) * (size_t)height;
    for (size_t i = 0; i < n; i++)
        picture->pixels[i] = (uint8_t)g_rand_int_range(random, 64, 192);
    return picture;
}

static double lanczos(double x)
{
    if (x == 0)
        return 1;
    return fabs(x) < 3 ? 3 * sin(G_PI * x) * sin(G_PI * x / 3) / (G_PI * G_PI * x * x) : 0;
}

/* Computes one byte by the definition, in floating point and without shortcuts. */
static double resample(const Picture *from, int width, int height, int x, int y, int band)
{
    double rx = (double)from->width / width, ry = (double)from->height / height;
    double sum = 0, weights = 0;
    for (int j = 0; j < from->height; j++) {
        double wy = lanczos((j + 0.5 - (y + 0.5) * ry) / ry);
        for (int i = 0; wy != 0 && i < from->width; i++) {
            double w = wy * lanczos((i + 0.5 - (x + 0.5) * rx) / rx);
            sum +=
                w *
                from->pixels[((size_t)j * (size_t)from->width + (size_t)i) * (size_t)from->bands +
                             (size_t)band];
            weights += w;
        }
    }
    return CLAMP(sum / weights, 0, 255);
}

typedef struct {
    const char *name;
    int width, height, bands, to_width, to_height;
} Case;

static const Case cases[] = {
    {"third", 90, 60, 3, 30, 20},      {"odd", 97, 61, 3, 33, 20},
    {"grey", 77, 50, 1, 20, 31},       {"four-bands", 64, 64, 4, 17, 17},
    {"same", 20, 20, 3, 20, 20},       {"one-axis", 50, 20, 3, 13, 20},
    {"other-axis", 20, 50, 3, 20, 13}, {"to-one", 40, 30, 3, 1, 1},
    {"from-one", 1, 1, 3, 1, 1},       {"line", 200, 1, 3, 50, 1},
    {"column", 1, 200, 3, 1, 50},      {"tiny", 3, 2, 3, 2, 1},
};

/* The difference of each byte is at most that of three roundings: of the weights, between the axes,
 * at the end. */
static void test_definition(const void *data)
{
    const Case *row = data;
    g_autoptr(Picture) from = make_noise(row->width, row->height, row->bands, 3);
    g_autoptr(Picture) to = resize_picture(from, row->to_width, row->to_height, RESIZE_PLAIN, NULL);
    g_assert_nonnull(to);
    g_assert_cmpint(to->width, ==, row->to_width);
    g_assert_cmpint(to->height, ==, row->to_height);
    g_assert_cmpint(to->bands, ==, row->bands);
    double worst = 0;
    for (int y = 0; y < to->height; y++) {
        for (int x = 0; x < to->width; x++) {
            for (int band = 0; band < to->bands; band++) {
                double expected = resample(from, to->width, to->height, x, y, band);
                size_t at = (size_t)y * picture_stride(to) + (size_t)(x * to->bands + band);
                worst = MAX(worst, fabs(expected - to->pixels[at]));
            }
        }
    }
    g_assert_cmpfloat(worst, <, 1.5);
}

/* Weights add up to exactly one, so a flat picture does not change at all. */
static void test_flat(void)
{
    const uint8_t values[] = {0, 1, 127, 254, 255};
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autoptr(Picture) from = new_picture(211, 173, 3);
        memset(from->pixels, values[i], picture_stride(from) * 173);
        g_autoptr(Picture) to = resize_picture(from, 37, 59, RESIZE_PLAIN, NULL);
        for (size_t at = 0; at < picture_stride(to) * 59; at++)
            g_assert_cmpint(to->pixels[at], ==, values[i]);
    }
}

/* Transparent green does not tint the red beside it. */
static void test_alpha(void)
{
    g_autoptr(Picture) from = new_picture(64, 64, 4);
    for (int i = 0; i < 64 * 64; i++) {
        bool left = i % 64 < 32;
        const uint8_t pixel[4] = {left ? 255 : 0, left ? 0 : 255, 0, left ? 255 : 0};
        memcpy(from->pixels + 4 * i, pixel, 4);
    }
    g_autoptr(Picture) to = resize_picture(from, 9, 9, RESIZE_ALPHA, NULL);
    bool seen = false, partly = false;
    for (int i = 0; i < 9 * 9; i++) {
        const uint8_t *pixel = to->pixels + 4 * i;
        seen |= pixel[3] == 255;
        partly |= pixel[3] > 0 && pixel[3] < 255;
        if (pixel[3] > 0) {
            g_assert_cmpint(pixel[0], ==, 255);
            g_assert_cmpint(pixel[1], ==, 0);
        }
    }
    g_assert_true(seen);
    g_assert_true(partly);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/resize/definition/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_definition);
    }
    g_test_add_func("/resize/flat", test_flat);
    g_test_add_func("/resize/alpha", test_alpha);
    return g_test_run();
}
