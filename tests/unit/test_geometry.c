/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/geometry.h"

#include <glib.h>

typedef struct {
    const char *name;
    Fit fit;
    /* Size of the rendition. */
    int width, height;
    int from_width, from_height;
    Geometry expected;
} Case;

static const Case cases[] = {
    {"inside-landscape", FIT_INSIDE, 256, 256, 3000, 2000, {256, 171, 256, 171}},
    {"inside-portrait", FIT_INSIDE, 256, 256, 2000, 3000, {171, 256, 171, 256}},
    {"inside-exact", FIT_INSIDE, 256, 256, 256, 256, {256, 256, 256, 256}},
    {"inside-smaller", FIT_INSIDE, 256, 256, 100, 50, {100, 50, 100, 50}},
    {"inside-one-side-smaller", FIT_INSIDE, 256, 256, 512, 10, {256, 5, 256, 5}},
    {"inside-line", FIT_INSIDE, 100, 100, 10000, 1, {100, 1, 100, 1}},
    {"inside-box", FIT_INSIDE, 300, 100, 600, 400, {150, 100, 150, 100}},
    {"cover-landscape", FIT_COVER, 100, 100, 3000, 2000, {150, 100, 100, 100}},
    {"cover-portrait", FIT_COVER, 100, 50, 200, 400, {100, 200, 100, 50}},
    {"cover-smaller", FIT_COVER, 100, 100, 60, 40, {60, 40, 60, 40}},
    {"cover-one-side-smaller", FIT_COVER, 100, 100, 400, 40, {400, 40, 100, 40}},
    {"attention", FIT_ATTENTION, 100, 100, 3000, 2000, {150, 100, 100, 100}},
    {"entropy", FIT_ENTROPY, 100, 100, 2000, 3000, {100, 150, 100, 100}},
    {"fill", FIT_FILL, 300, 100, 600, 600, {300, 100, 300, 100}},
    {"fill-smaller", FIT_FILL, 300, 300, 100, 600, {100, 300, 100, 300}},
    {"largest",
     FIT_INSIDE,
     RENDITION_SIZE_MAX,
     RENDITION_SIZE_MAX,
     65535,
     65535,
     {16384, 16384, 16384, 16384}},
};

static void test_geometry(const void *data)
{
    const Case *row = data;
    const Rendition rendition = {.width = row->width, .height = row->height, .fit = row->fit};
    Geometry geometry = geometry_for(&rendition, row->from_width, row->from_height);
    g_assert_cmpint(geometry.scaled_width, ==, row->expected.scaled_width);
    g_assert_cmpint(geometry.scaled_height, ==, row->expected.scaled_height);
    g_assert_cmpint(geometry.width, ==, row->expected.width);
    g_assert_cmpint(geometry.height, ==, row->expected.height);
}

/* The result has at least one pixel, and is no larger than the picture and than the rendition,
 * whatever the numbers are. */
static void test_bounds(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (int i = 0; i < 100000; i++) {
        const Rendition rendition = {.width = 1 << g_rand_int_range(random, 0, 14),
                                     .height = g_rand_int_range(random, 1, RENDITION_SIZE_MAX),
                                     .fit =
                                         (Fit)g_rand_int_range(random, FIT_INSIDE, FIT_FILL + 1)};
        int width = 1 << g_rand_int_range(random, 0, 17);
        int height = g_rand_int_range(random, 1, 100000);
        Geometry geometry = geometry_for(&rendition, width, height);
        g_assert_cmpint(geometry.width, >=, 1);
        g_assert_cmpint(geometry.height, >=, 1);
        g_assert_cmpint(geometry.width, <=, MIN(geometry.scaled_width, rendition.width));
        g_assert_cmpint(geometry.height, <=, MIN(geometry.scaled_height, rendition.height));
        g_assert_cmpint(geometry.scaled_width, <=, width);
        g_assert_cmpint(geometry.scaled_height, <=, height);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/geometry/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_geometry);
    }
    g_test_add_func("/geometry/bounds", test_bounds);
    return g_test_run();
}
