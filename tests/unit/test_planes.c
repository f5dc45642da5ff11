/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg.h"
#include "planes.h"
#include "resize.h"
#include "webp.h"

#include <glib.h>
#include <string.h>

/* Smooth, and of all colours; one side dark, so that a shift is seen. */
static Picture *make_scene(int width, int height)
{
    Picture *picture = picture_new(width, height, 3, NULL);
    g_assert_nonnull(picture);
    uint8_t *at = picture->pixels;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++, at += 3) {
            at[0] = (uint8_t)(20 + 200 * x / width);
            at[1] = (uint8_t)(30 + 190 * y / height);
            at[2] = (uint8_t)(40 + 170 * (width - x) / width);
        }
    }
    return picture;
}

static Picture *make_grey(int width, int height)
{
    Picture *picture = make_scene(width, height);
    size_t n = picture_stride(picture) * (size_t)height;
    for (size_t i = 0; i < n; i += 3)
        picture->pixels[i + 1] = picture->pixels[i + 2] = picture->pixels[i];
    return picture;
}

/* Of two pictures of the same kind and size: how far their bytes are apart, on average. */
static double difference(const Picture *a, const Picture *b)
{
    g_assert_cmpint(a->width, ==, b->width);
    g_assert_cmpint(a->height, ==, b->height);
    g_assert_cmpint(a->bands, ==, b->bands);
    double sum = 0;
    size_t n = picture_stride(a) * (size_t)a->height;
    for (size_t i = 0; i < n; i++)
        sum += ABS(a->pixels[i] - b->pixels[i]);
    return sum / (double)n;
}

static GBytes *encode(const Picture *picture, int quality)
{
    GBytes *jpeg = jpeg_encode(picture, quality, NULL);
    g_assert_nonnull(jpeg);
    return jpeg;
}

static Picture *decode_planes(GBytes *jpeg, JpegTarget target)
{
    return jpeg_decode_planes(g_bytes_get_data(jpeg, NULL), g_bytes_get_size(jpeg), &target);
}

static Picture *to_rgb(const Picture *planes)
{
    Picture *rgb = planes_shrink_to_rgb(planes, planes->width, planes->height, NULL);
    g_assert_nonnull(rgb);
    return rgb;
}

/* By way of red, green and blue. */
static Picture *decode_rgb(GBytes *jpeg, int width, int height)
{
    g_auto(JpegImage) image = {0};
    g_assert_true(jpeg_decode(g_bytes_get_data(jpeg, NULL), g_bytes_get_size(jpeg), width, height,
                              &image, NULL));
    Picture *picture =
        resize_extent(image.picture, image.extent, width, height, RESIZE_PLAIN, NULL);
    g_assert_nonnull(picture);
    return picture;
}

typedef struct {
    const char *name;
    int width, height, quality; /* from 90 on, the file has as many colours as pixels */
    int to_width, to_height;
    int orientation;
    bool narrow;
} Case;

static const Case cases[] = {
    {"half", 200, 120, 85, 100, 60, 1, false},
    {"all", 64, 48, 85, 64, 48, 1, false},
    {"odd", 201, 121, 85, 33, 21, 1, false},
    {"eighth", 641, 479, 85, 40, 30, 1, false},
    {"quarter", 640, 480, 85, 77, 59, 1, false},
    {"full-colours", 201, 121, 95, 33, 21, 1, false},
    {"narrow", 200, 120, 85, 50, 30, 1, true},
    {"one", 100, 100, 85, 1, 1, 1, false},
    {"line", 300, 1, 85, 31, 1, 1, false},
    {"tiny", 1, 1, 85, 1, 1, 1, false},
    {"mirrored", 201, 121, 85, 33, 21, 2, false},
    {"turned", 201, 121, 85, 33, 21, 6, true},
    {"upside-down", 201, 121, 85, 33, 21, 3, false},
};

/* The same picture as on the way that takes all files. */
static void test_decode(const void *data)
{
    const Case *row = data;
    g_autoptr(Picture) scene = make_scene(row->width, row->height);
    g_autoptr(GBytes) jpeg = encode(scene, row->quality);
    JpegTarget target = {.width = row->to_width, .height = row->to_height, .narrow = row->narrow};
    picture_mirrors(row->orientation, &target.mirrored_across, &target.mirrored_down);
    g_autoptr(Picture) planes = decode_planes(jpeg, target);
    g_assert_nonnull(planes);
    g_assert_cmpint(planes->chroma[0]->width, ==, planes_chroma_size(row->to_width));
    g_assert_cmpint(planes->chroma[1]->height, ==, planes_chroma_size(row->to_height));
    g_autoptr(Picture) upright = planes_orient(planes, row->orientation, NULL);
    g_autoptr(Picture) made = to_rgb(upright);

    g_autoptr(Picture) stored = decode_rgb(jpeg, row->to_width, row->to_height);
    g_autoptr(Picture) expected = picture_orient(stored, row->orientation, NULL);
    /* Colours are stretched without a filter here: a step of theirs is what may be between. */
    g_assert_cmpfloat(difference(made, expected), <, 0.5 + 80.0 / row->to_width);
}

static void test_grey(void)
{
    g_autoptr(Picture) scene = make_grey(100, 80);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    g_autoptr(Picture) planes = decode_planes(jpeg, (JpegTarget){.width = 50, .height = 40});
    g_assert_nonnull(planes);
    g_assert_null(planes->chroma[0]);
    g_assert_true(planes_are_grey(planes));
    g_autoptr(GBytes) again = encode(planes, 85);
    g_autoptr(Picture) back = decode_planes(again, (JpegTarget){.width = 50, .height = 40});
    g_assert_null(back->chroma[0]);
    g_assert_cmpfloat(difference(planes, back), <, 1.5);
    g_autoptr(GBytes) webp = webp_encode(planes, 80, NULL);
    g_assert_nonnull(webp);
}

/* What is wrong with a file is for the other way to say. */
static void test_refused(void)
{
    g_autoptr(Picture) scene = make_scene(200, 120);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    gsize size = g_bytes_get_size(jpeg);
    const gsize cuts[] = {0, 2, 100, size / 2, size - 40};
    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        g_autoptr(GBytes) cut = g_bytes_new_from_bytes(jpeg, 0, cuts[i]);
        g_assert_null(decode_planes(cut, (JpegTarget){.width = 20, .height = 12}));
    }
}

/* Into a file and back: odd sides, where the encoder needs pixels that are not there. */
static void test_encode(void)
{
    for (int width = 30; width < 50; width++) {
        g_autoptr(Picture) scene = make_scene(4 * width, 68);
        g_autoptr(GBytes) jpeg = encode(scene, 89);
        const JpegTarget target = {.width = width, .height = 17};
        g_autoptr(Picture) planes = decode_planes(jpeg, target);
        g_autoptr(GBytes) thumbnail = encode(planes, 89);
        g_autoptr(Picture) back = decode_planes(thumbnail, target);
        g_assert_nonnull(back);
        g_assert_cmpfloat(difference(planes, back), <, 2);
        g_assert_cmpfloat(difference(planes->chroma[0], back->chroma[0]), <, 2);
        g_assert_cmpfloat(difference(planes->chroma[1], back->chroma[1]), <, 2);
    }
}

static void test_convert(void)
{
    g_autoptr(Picture) scene = make_scene(120, 90);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    g_autoptr(Picture) wide = decode_planes(jpeg, (JpegTarget){.width = 60, .height = 45});
    g_autoptr(Picture) narrow =
        decode_planes(jpeg, (JpegTarget){.width = 60, .height = 45, .narrow = true});
    g_autoptr(Picture) converted = planes_convert(wide, true, NULL);
    g_autoptr(Picture) back = planes_convert(converted, false, NULL);
    g_assert_true(converted->narrow && !back->narrow);
    g_assert_cmpfloat(difference(converted, narrow), <, 0.5);
    g_assert_cmpfloat(difference(converted->chroma[1], narrow->chroma[1]), <, 0.5);
    g_assert_cmpfloat(difference(back, wide), <, 0.5);
}

/* From one to the other while scaling is the same as before it, but for rounding. */
static void test_resize(void)
{
    g_autoptr(Picture) scene = make_scene(121, 91);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    g_autoptr(Picture) large = decode_planes(jpeg, (JpegTarget){.width = 121, .height = 91});
    g_autoptr(Picture) narrow = planes_convert(large, true, NULL);
    g_autoptr(Picture) expected = planes_resize(narrow, 31, 23, true, NULL);
    g_autoptr(Picture) made = planes_resize(large, 31, 23, true, NULL);
    g_assert_cmpfloat(difference(made, expected), <, 0.6);
    g_assert_cmpfloat(difference(made->chroma[0], expected->chroma[0]), <, 0.6);
}

static void test_crop(void)
{
    g_autoptr(Picture) scene = make_scene(80, 60);
    g_autoptr(GBytes) jpeg = encode(scene, 85);
    g_autoptr(Picture) planes = decode_planes(jpeg, (JpegTarget){.width = 80, .height = 60});
    g_autoptr(Picture) part = planes_crop(planes, 10, 6, 33, 21, NULL);
    g_autoptr(Picture) luma = picture_crop(planes, 10, 6, 33, 21, NULL);
    g_autoptr(Picture) blue = picture_crop(planes->chroma[0], 5, 3, 17, 11, NULL);
    g_assert_cmpfloat(difference(part, luma), ==, 0);
    g_assert_cmpfloat(difference(part->chroma[0], blue), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/planes/decode/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_decode);
    }
    g_test_add_func("/planes/grey", test_grey);
    g_test_add_func("/planes/refused", test_refused);
    g_test_add_func("/planes/encode", test_encode);
    g_test_add_func("/planes/convert", test_convert);
    g_test_add_func("/planes/resize", test_resize);
    g_test_add_func("/planes/crop", test_crop);
    return g_test_run();
}
