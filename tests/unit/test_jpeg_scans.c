/* SPDX-License-Identifier: Apache-2.0 */
/* Progressive files of which only the scans are read that a scale needs. */
#include "formats/jpeg.h"
#include "jpeg/jpeg_hook.h"
#include "jpeg_compare.h"
#include "jpeg_maker.h"

#include <string.h>

#define FILES 400

static GBytes *make_file(GRand *rand, int side_max)
{
    return jpeg_make(rand, &(JpegMaker){.side_max = side_max, .progressive = true});
}

/* As jpeg_compare_scans, for tests that do not ask whether the hook gives DC. */
static bool compare(const uint8_t *data, size_t size, unsigned denominator, bool planes)
{
    bool flattened;
    return jpeg_compare_scans(data, size, denominator, planes, &flattened);
}

/*
 * At 1/8, each file has scans that are left out, and the same pixels without them; also if the hook
 * gives DC, which it does for planes.
 */
static void test_eighth(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    for (int i = 0; i < FILES; i++) {
        g_autoptr(GBytes) file = make_file(rand, 90);
        gsize size;
        const uint8_t *data = g_bytes_get_data(file, &size);
        bool flattened;
        g_assert_true(jpeg_compare_scans(data, size, 8, true, &flattened));
        g_assert_cmpint(flattened, ==, jpeg_hook_works());
        g_assert_true(compare(data, size, 8, false));
    }
}

/* At 1/4, scans are left out of most files; at 1/2 and 1/1 of none. */
static void test_others(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);
    int left_out = 0;
    for (int i = 0; i < FILES; i++) {
        g_autoptr(GBytes) file = make_file(rand, 90);
        gsize size;
        const uint8_t *data = g_bytes_get_data(file, &size);
        left_out += compare(data, size, 4, true);
        g_assert_false(compare(data, size, 2, true));
        g_assert_false(compare(data, size, 1, true));
    }
    g_assert_cmpint(left_out, >, FILES / 2);
}

/* A file that ends early is read as a whole, with its damage. */
static void test_truncated(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    for (int i = 0; i < 12; i++) {
        g_autoptr(GBytes) file = make_file(rand, 40);
        gsize size;
        const uint8_t *data = g_bytes_get_data(file, &size);
        for (gsize cut = 0; cut < size; cut++) {
            g_autofree uint8_t *part = g_memdup2(data, cut);
            g_assert_false(compare(part, cut, 8, true));
            g_assert_false(compare(part, cut, 4, false));
        }
    }
}

/*
 * Each byte in turn is another: where libjpeg finds no fault in the whole file, the pixels are the
 * same.
 */
static void test_damaged(void)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff, 0x10};
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    int left_out = 0;
    for (int i = 0; i < 8; i++) {
        g_autoptr(GBytes) file = make_file(rand, 40);
        gsize size;
        g_autofree uint8_t *data = g_bytes_unref_to_data(g_bytes_ref(file), &size);
        for (gsize at = 0; at < size; at++) {
            for (size_t k = 0; k < G_N_ELEMENTS(changes); k++) {
                uint8_t kept = data[at];
                data[at] ^= changes[k];
                left_out += compare(data, size, 8, at % 2 == 0);
                data[at] = kept;
            }
        }
    }
    g_assert_cmpint(left_out, >, 100);
}

/* Decodes a file to an eighth, as a thumbnail is made. Returns false if it counts as damaged. */
static bool decode_small(const uint8_t *data, size_t size, int width, int height)
{
    g_auto(JpegImage) image = {0};
    const JpegTarget target = {.width = width / 16, .height = height / 16};
    bool has_fault;
    g_autoptr(Picture) planes = jpeg_decode_planes(data, size, &target, &has_fault);
    g_autoptr(GError) error = NULL;
    (void)jpeg_decode(data, size, target.width, target.height, false, &image, &error);
    g_assert_no_error(error);
    /* A picture of another kind than planes is decoded only there. */
    g_assert_true(planes == NULL || image.damaged == has_fault);
    return !image.damaged;
}

/* A file whose end is missing counts as damaged, also where the scale needs no scan of its end. */
static void test_damage_is_told(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    int seen = 0;
    for (int i = 0; i < 60; i++) {
        g_autoptr(GBytes) file = make_file(rand, 400);
        gsize size;
        const uint8_t *data = g_bytes_get_data(file, &size);
        JpegHeader header;
        g_assert_true(jpeg_header(data, size, &header, NULL));
        if (header.width < 64 || header.height < 64 || size < 4000)
            continue;
        g_assert_true(decode_small(data, size, header.width, header.height));
        g_assert_false(decode_small(data, size - 3, header.width, header.height));
        seen++;
    }
    g_assert_cmpint(seen, >, 20);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jpeg-scans/eighth", test_eighth);
    g_test_add_func("/jpeg-scans/others", test_others);
    g_test_add_func("/jpeg-scans/truncated", test_truncated);
    g_test_add_func("/jpeg-scans/damaged", test_damaged);
    g_test_add_func("/jpeg-scans/damage-is-told", test_damage_is_told);
    return g_test_run();
}
