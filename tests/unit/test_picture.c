/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/picture.h"

#include <glib.h>
#include <string.h>

static Picture *new_picture(int width, int height, int bands)
{
    Picture *picture = picture_new(width, height, bands, NULL);
    g_assert_nonnull(picture);
    memset(picture->pixels, 0, picture_stride(picture) * (size_t)height);
    return picture;
}

/* Makes a picture of one band with letters as pixels: "abc/def" is 3 x 2. */
static Picture *from_letters(const char *letters)
{
    g_auto(GStrv) rows = g_strsplit(letters, "/", -1);
    int width = (int)strlen(rows[0]), height = (int)g_strv_length(rows);
    Picture *picture = new_picture(width, height, 1);
    for (int y = 0; y < height; y++)
        memcpy(picture->pixels + y * width, rows[y], (size_t)width);
    return picture;
}

static void assert_letters(const Picture *picture, const char *letters)
{
    g_autoptr(Picture) expected = from_letters(letters);
    g_assert_cmpint(picture->width, ==, expected->width);
    g_assert_cmpint(picture->height, ==, expected->height);
    g_assert_cmpmem(picture->pixels, picture_stride(picture) * (size_t)picture->height,
                    expected->pixels, picture_stride(expected) * (size_t)expected->height);
}

/* The picture "abc/def" as a person sees it, for each orientation in which the camera stored it. */
static const char *const upright[] = {
    "abc/def",  "abc/def",  "cba/fed",  "fed/cba",  "def/abc",
    "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad", "abc/def",
};

static void test_orient(void)
{
    g_autoptr(Picture) stored = from_letters("abc/def");
    for (int orientation = 0; orientation < (int)G_N_ELEMENTS(upright); orientation++) {
        g_autoptr(Picture) turned = picture_orient(stored, orientation, NULL);
        assert_letters(turned, upright[orientation]);
    }
}

static void test_crop(void)
{
    g_autoptr(Picture) picture = from_letters("abcd/efgh/ijkl");
    g_autoptr(Picture) part = picture_crop(picture, 1, 1, 2, 2, NULL);
    assert_letters(part, "fg/jk");
}

static void test_shrink(void)
{
    g_autoptr(Picture) picture = new_picture(4, 2, 4);
    const uint8_t pixels[2][4][4] = {
        {{100, 0, 0, 255}, {200, 0, 0, 255}, {9, 9, 9, 0}, {40, 80, 120, 128}},
        {{100, 0, 0, 255}, {200, 0, 0, 255}, {7, 7, 7, 0}, {40, 80, 120, 128}},
    };
    memcpy(picture->pixels, pixels, sizeof pixels);
    g_autoptr(Picture) small = picture_shrink(picture, 2, 1, NULL);
    const uint8_t expected[] = {150, 0, 0, 255, 40, 80, 120, 64};
    g_assert_cmpmem(small->pixels, picture_stride(small), expected, sizeof expected);

    g_autoptr(Picture) letters = from_letters("abc/def");
    g_autoptr(Picture) same = picture_shrink(letters, 100, 100, NULL);
    assert_letters(same, "abc/def");
}

static void test_flatten(void)
{
    g_autoptr(Picture) picture = new_picture(3, 1, 4);
    const uint8_t pixels[] = {255, 0, 0, 255, 255, 0, 0, 0, 255, 0, 0, 51};
    memcpy(picture->pixels, pixels, sizeof pixels);
    g_assert_true(picture_is_transparent(picture));
    g_autoptr(Picture) flat = picture_flatten(picture, 0x0000ff, NULL);
    const uint8_t expected[] = {255, 0, 0, 0, 0, 255, 51, 0, 204};
    g_assert_cmpmem(flat->pixels, picture_stride(flat), expected, sizeof expected);
    g_assert_false(picture_is_transparent(flat));
}

static void test_grey(void)
{
    g_autoptr(Picture) picture = new_picture(2, 1, 3);
    const uint8_t pixels[] = {7, 7, 7, 200, 200, 200};
    memcpy(picture->pixels, pixels, sizeof pixels);
    g_assert_true(picture_is_grey(picture));
    picture->pixels[5] = 201;
    g_assert_false(picture_is_grey(picture));
}

/* More pixels are blue than red, but most of the blue ones are transparent. */
static void test_dominant_color(void)
{
    g_autoptr(Picture) picture = new_picture(5, 1, 4);
    const uint8_t pixels[] = {200, 10, 10, 255, 202, 12, 10, 255, 0,   0,
                              250, 9,  0,  0,   250, 9,  0,  0,   250, 9};
    memcpy(picture->pixels, pixels, sizeof pixels);
    uint32_t color = 0;
    g_assert_true(picture_dominant_color(picture, &color));
    g_assert_cmphex(color, ==, 0xc90b0a);

    for (int i = 0; i < 5; i++)
        picture->pixels[4 * i + 3] = 0;
    g_assert_false(picture_dominant_color(picture, &color));
}

static void test_no_memory(void)
{
#ifdef THUMBQ_SANITIZE
    g_test_skip("the sanitizer ends the program instead");
    return;
#endif
    g_autoptr(GError) error = NULL;
    g_assert_null(picture_new(G_MAXINT, G_MAXINT, 4, &error));
    g_assert_nonnull(error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/picture/orient", test_orient);
    g_test_add_func("/picture/crop", test_crop);
    g_test_add_func("/picture/shrink", test_shrink);
    g_test_add_func("/picture/flatten", test_flatten);
    g_test_add_func("/picture/grey", test_grey);
    g_test_add_func("/picture/dominant-color", test_dominant_color);
    g_test_add_func("/picture/no-memory", test_no_memory);
    return g_test_run();
}
