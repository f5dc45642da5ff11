/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/thumbhash.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

typedef void (*Paint)(int x, int y, int width, int height, uint8_t *rgba);

static void paint_gradient(int x, int y, int width, int height, uint8_t *rgba)
{
    rgba[0] = (uint8_t)(255 * x / width);
    rgba[1] = (uint8_t)(255 * y / height);
    rgba[2] = 128;
    rgba[3] = 255;
}

static void paint_alpha(int x, int y, int width, int height, uint8_t *rgba)
{
    rgba[0] = (uint8_t)(x * 7 + y * 3);
    rgba[1] = (uint8_t)(x * y);
    rgba[2] = (uint8_t)(x * x + y);
    rgba[3] = (uint8_t)(255 * (x + y) / (width + height));
}

static void paint_noise(int x, int y, int width, int height, uint8_t *rgba)
{
    (void)width, (void)height;
    uint32_t value = (uint32_t)x * 73856093U ^ (uint32_t)y * 19349663U;
    rgba[0] = (uint8_t)value;
    rgba[1] = (uint8_t)(value >> 8);
    rgba[2] = (uint8_t)(value >> 16);
    rgba[3] = 255;
}

static void paint_halves(int x, int y, int width, int height, uint8_t *rgba)
{
    (void)height;
    bool left = 2 * x < width;
    rgba[0] = left ? 255 : 0;
    rgba[1] = (uint8_t)(7 * y);
    rgba[2] = left ? 0 : 255;
    rgba[3] = 255;
}

static void paint_hole(int x, int y, int width, int height, uint8_t *rgba)
{
    bool inside = 4 * x > width && 4 * x < 3 * width && 4 * y > height && 4 * y < 3 * height;
    rgba[0] = 200;
    rgba[1] = (uint8_t)(100 + x);
    rgba[2] = (uint8_t)(50 + y);
    rgba[3] = inside ? 0 : 255;
}

static void paint_clear(int x, int y, int width, int height, uint8_t *rgba)
{
    (void)x, (void)y, (void)width, (void)height;
    memset(rgba, 9, 3);
    rgba[3] = 0;
}

typedef struct {
    const char *name;
    Paint paint;
    int width, height;
    /* Hash of the reference, version 0.1.1 of the npm package, hexadecimal. */
    const char *hash;
    /* Tolerance of a term. It is 1 where symmetry makes terms zero, whose noise is rounded up or
     * down. */
    int slack;
} Case;

static const Case cases[] = {
    {"gradient", paint_gradient, 100, 75, "df070a359a8087878078877878788887807008f888", 1},
    {"upright-gradient", paint_gradient, 75, 100, "dff709351a7077808888887887777887707008f777", 1},
    {"flat-strip", paint_gradient, 100, 3, "5c570a319a80878770877888807007f887", 1},
    {"alpha", paint_alpha, 100, 100, "df07820d00273123a44f49187d895f95f79570777077777777", 1},
    {"alpha-upright", paint_alpha, 31, 50, "5f288613062705486b6a787f18c6c27073777088777787", 0},
    {"noise", paint_noise, 64, 64, "20f80107004474734d49f65385769354638644f9c97a500b", 0},
    {"wide-noise", paint_noise, 100, 20, "20f80101806767750b77887677fbc80aa5", 0},
    {"halves", paint_halves, 40, 33, "de170af6a8787878708888888778877888878f86f7c888", 1},
    {"hole", paint_hole, 60, 40, "e18a8213862c8086728778727ff87778f87778877f7378", 1},
    {"all-transparent", paint_clear, 10, 10, "00088205000000000000000000000000000000000000000000",
     0},
};

static void test_reference(const void *data)
{
    const Case *row = data;
    g_autofree uint8_t *rgba = g_malloc(4 * (gsize)(row->width * row->height));
    for (int y = 0; y < row->height; y++) {
        for (int x = 0; x < row->width; x++)
            row->paint(x, y, row->width, row->height, rgba + 4 * (x + y * row->width));
    }
    uint8_t hash[THUMBHASH_MAX];
    size_t len = thumbhash_encode(rgba, row->width, row->height, hash);
    g_assert_cmpuint(2 * len, ==, strlen(row->hash));
    size_t head = hash[2] & 0x80 ? 6 : 5;
    for (size_t i = 0; i < 2 * len; i++) {
        int got = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15;
        int expected = g_ascii_xdigit_value(row->hash[i]);
        int slack = i / 2 < head ? 0 : row->slack;
        g_assert_cmpint(ABS(got - expected), <=, slack);
    }
}

/* A flat picture has no terms, so its hash does not depend on the cosine of this machine. */
static void test_flat(void)
{
    uint8_t rgba[4 * 12], hash[THUMBHASH_MAX];
    memset(rgba, 255, sizeof rgba);
    size_t len = thumbhash_encode(rgba, 4, 3, hash);
    g_assert_cmpuint(len, >, 5);
    g_assert_cmpuint(hash[0] & 63, ==, 63);
    for (size_t i = 5; i < len; i++)
        g_assert_cmpuint(hash[i], ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/thumbhash/reference/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_reference);
    }
    g_test_add_func("/thumbhash/flat", test_flat);
    return g_test_run();
}
