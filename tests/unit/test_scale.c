/* SPDX-License-Identifier: Apache-2.0 */
#include "scale.h"

#include <glib.h>
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
    return (ScaleAxis){from, to, (double)from / to, 0};
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
    int at_once;    /* rows that are added together */
    size_t padding; /* bytes after each row that do not count */
} Case;

static const Case cases[] = {
    {"rows", 97, 61, 1, 33, 20, 1, 0},        {"blocks", 97, 61, 1, 33, 20, 8, 7},
    {"long", 40, 700, 1, 20, 350, 16, 24},    {"steep", 300, 900, 1, 10, 5, 16, 4},
    {"more-than-all", 30, 5, 1, 3, 2, 16, 2}, {"one", 1, 1, 1, 1, 1, 8, 7},
    {"rgb", 97, 61, 3, 33, 20, 4, 0},         {"same", 50, 200, 1, 50, 200, 16, 14},
};

/* Rows as they come make what all rows at once make, to the last bit. */
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

/* A flat picture has no other values than it should, whatever the weights are rounded to. */
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

/*
 * Three samples for five pixels: the last one is for the fifth pixel and for nothing. Where the
 * picture is going to be mirrored it is the first one.
 */
static void test_offset(void)
{
    g_autoptr(Picture) from = make_noise(15, 9, 1);
    g_autoptr(Picture) mirrored = mirror(from);
    const ScaleAxis plain = {15, 3, 15 / 2.5, 0}, before = {15, 3, 15 / 2.5, -0.5};
    const ScaleAxis down = axis(9, 9);
    g_autoptr(Picture) expected = scale_at_once(mirrored, &plain, &down, SCALE_LEVELS_SAME);
    g_autoptr(Picture) made = scale_at_once(from, &before, &down, SCALE_LEVELS_SAME);
    g_autoptr(Picture) upright = mirror(made);
    for (size_t i = 0; i < 3 * 9; i++)
        g_assert_cmpint(ABS(upright->pixels[i] - expected->pixels[i]), <=, 1);
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
    return g_test_run();
}
