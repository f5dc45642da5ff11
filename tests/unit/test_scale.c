/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/scale.h"

#include <glib.h>
#include <math.h>
#include <string.h>

static Picture *make_noise(int width, int height, int bands)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    Picture *picture = picture_new(width, height, bands, NULL);
    g_assert_nonnull(picture);
    size_t n = picture_stride(picture) * (size_t)height;
    for (size_t i = 0; i < n; i++)
        picture->pixels[i] = (uint8_t)g_rand_int_range(random, 0, 256);
    return picture;
}

static ScaleAxis axis(int from, int to)
{
    return (ScaleAxis){from, to, (double)from / to, 0, 0};
}

static Picture *scale_at_once(const Picture *from, const ScaleAxis *across, const ScaleAxis *down,
                              ScaleLevels levels)
{
    g_autoptr(Scaler) scaler =
        scaler_new(across, down, levels, from->bands, picture_stride(from), NULL);
    g_assert_nonnull(scaler);
    scaler_add_all(scaler, from->pixels);
    return scaler_steal(scaler);
}

static void assert_same(const Picture *a, const Picture *b)
{
    size_t size = picture_stride(a) * (size_t)a->height;
    g_assert_cmpmem(a->pixels, size, b->pixels, picture_stride(b) * (size_t)b->height);
}

typedef struct {
    const char *name;
    int width, height, bands, to_width, to_height;
    /* Number of rows that are added together. */
    int at_once;
    /* Bytes after each row that do not count. */
    size_t padding;
} Case;

static const Case cases[] = {
    {"rows", 97, 61, 1, 33, 20, 1, 0},        {"blocks", 97, 61, 1, 33, 20, 8, 7},
    {"long", 40, 700, 1, 20, 350, 16, 24},    {"steep", 300, 900, 1, 10, 5, 16, 4},
    {"more-than-all", 30, 5, 1, 3, 2, 16, 2}, {"one", 1, 1, 1, 1, 1, 8, 7},
    {"rgb", 97, 61, 3, 33, 20, 4, 0},         {"same", 50, 200, 1, 50, 200, 16, 14},
};

/* Rows that are added one after another give exactly the same as all rows at once. */
static void test_rows(const void *data)
{
    const Case *row = data;
    g_autoptr(Picture) from = make_noise(row->width, row->height, row->bands);
    ScaleAxis across = axis(row->width, row->to_width), down = axis(row->height, row->to_height);
    g_autoptr(Picture) expected = scale_at_once(from, &across, &down, SCALE_LEVELS_SAME);

    size_t width = picture_stride(from), stride = width + row->padding;
    g_autoptr(Scaler) scaler =
        scaler_new(&across, &down, SCALE_LEVELS_SAME, row->bands, stride, NULL);
    for (int y = 0; y < row->height; y += row->at_once) {
        uint8_t *room = scaler_room(scaler, row->at_once, NULL);
        g_assert_nonnull(room);
        memset(room, 99, stride * (size_t)row->at_once);
        for (int i = 0; i < row->at_once && y + i < row->height; i++)
            memcpy(room + (size_t)i * stride, from->pixels + (size_t)(y + i) * width, width);
        scaler_add(scaler, row->at_once);
    }
    g_autoptr(Picture) made = scaler_steal(scaler);
    assert_same(made, expected);
}

/* A flat picture keeps its values, whatever the weights are rounded to. */
static void test_levels(void)
{
    const ScaleLevels narrow = {219 / 255.0, 16}, wide = {255 / 219.0, -16 * 255 / 219.0};
    ScaleAxis across = axis(37, 17), down = axis(41, 11);
    g_autoptr(Picture) from = picture_new(37, 41, 1, NULL);
    for (int value = 0; value < 256; value++) {
        memset(from->pixels, value, 37 * 41);
        g_autoptr(Picture) low = scale_at_once(from, &across, &down, narrow);
        g_autoptr(Picture) high = scale_at_once(from, &across, &down, wide);
        for (size_t i = 0; i < 17 * 11; i++) {
            g_assert_cmpint(ABS(low->pixels[i] - (value * 219 / 255.0 + 16)), <=, 0.51);
            double expected = CLAMP((value - 16) * 255 / 219.0, 0, 255);
            g_assert_cmpfloat(ABS(high->pixels[i] - expected), <=, 0.52);
        }
    }
}

static Picture *mirror(const Picture *picture)
{
    Picture *mirrored = picture_orient(picture, 2, NULL);
    g_assert_nonnull(mirrored);
    return mirrored;
}

/* There are three samples for five pixels: the last sample covers the fifth pixel and nothing else.
 * If the picture will be mirrored, this is the first sample. */
static void test_offset(void)
{
    g_autoptr(Picture) from = make_noise(15, 9, 1);
    g_autoptr(Picture) mirrored = mirror(from);
    const ScaleAxis plain = {15, 3, 15 / 2.5, 0, 0}, before = {15, 3, 15 / 2.5, -0.5, 0};
    const ScaleAxis down = axis(9, 9);
    g_autoptr(Picture) expected = scale_at_once(mirrored, &plain, &down, SCALE_LEVELS_SAME);
    g_autoptr(Picture) made = scale_at_once(from, &before, &down, SCALE_LEVELS_SAME);
    g_autoptr(Picture) upright = mirror(made);
    for (size_t i = 0; i < 3 * 9; i++)
        g_assert_cmpint(ABS(upright->pixels[i] - expected->pixels[i]), <=, 1);
}

/* Pixels that are means of eight finer ones come out like the finer ones. */
static void test_softness(void)
{
    enum { FINE = 1024, TIMES = 8, SMALL = 64 };
    g_autoptr(Picture) fine = picture_new(FINE, 1, 1, NULL),
                       means = picture_new(FINE / TIMES, 1, 1, NULL);
    for (int period = 40; period <= 120; period += 10) {
        for (int x = 0; x < FINE; x++)
            fine->pixels[x] = (uint8_t)lrint(128 + 100 * sin(2 * G_PI * x / period));
        for (int x = 0; x < FINE / TIMES; x++) {
            int sum = TIMES / 2;
            for (int i = 0; i < TIMES; i++)
                sum += fine->pixels[x * TIMES + i];
            means->pixels[x] = (uint8_t)(sum / TIMES);
        }
        const ScaleAxis down = axis(1, 1), whole = axis(FINE, SMALL);
        ScaleAxis part = axis(FINE / TIMES, SMALL);
        g_autoptr(Picture) truth = scale_at_once(fine, &whole, &down, SCALE_LEVELS_SAME);
        int worst[2] = {0};
        for (int i = 0; i < 2; i++) {
            part.softness = i / 24.0;
            g_autoptr(Picture) made = scale_at_once(means, &part, &down, SCALE_LEVELS_SAME);
            for (int x = 4; x < SMALL - 4; x++)
                worst[i] = MAX(worst[i], ABS(made->pixels[x] - truth->pixels[x]));
        }
        g_test_message("period %d: %d, with softness %d", period, worst[0], worst[1]);
        g_assert_cmpint(worst[1], <=, worst[0] / 2 + 1);
    }
}

/* A flat picture stays flat, up to its rim. */
static void test_softness_of_flat(void)
{
    g_autoptr(Picture) from = picture_new(37, 41, 1, NULL);
    ScaleAxis across = axis(37, 17), down = axis(41, 11);
    across.softness = down.softness = 1.0 / 24;
    memset(from->pixels, 77, 37 * 41);
    g_autoptr(Picture) made = scale_at_once(from, &across, &down, SCALE_LEVELS_SAME);
    for (size_t i = 0; i < 17 * 11; i++)
        g_assert_cmpint(made->pixels[i], ==, 77);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/scale/rows/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_rows);
    }
    g_test_add_func("/scale/levels", test_levels);
    g_test_add_func("/scale/offset", test_offset);
    g_test_add_func("/scale/softness", test_softness);
    g_test_add_func("/scale/softness-of-flat", test_softness_of_flat);
    return g_test_run();
}
