/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entropy decoder of jpeg/ against libjpeg-turbo's own, on generated files. $THUMBQ_JPEG_FILES
 * is the number of files, for a longer run by hand.
 */
#include "formats/jpeg.h"
#include "jpeg/entropy.h"
#include "jpeg/jpeg_hook.h"
#include "jpeg/libjpeg_version.h"
#include "jpeg_compare.h"
#include "jpeg_maker.h"

#include <stdlib.h>
#include <string.h>

#define FILES 3000

static const unsigned denominators[] = {1, 2, 4, 8};

/* On a machine with another libjpeg-turbo, there is nothing to compare. */
static bool is_skipped(void)
{
    if (jpeg_hook_works())
        return false;
    g_test_skip("libjpeg-turbo is another version than that of its headers");
    return true;
}

static int number_of_files(void)
{
    const char *text = getenv("THUMBQ_JPEG_FILES");
    return text != NULL ? atoi(text) : FILES;
}

/* Where the headers are those of the library, as on a machine that builds, the hook works. */
static void test_works(void)
{
#if __has_include(<jpegint.h>)
    g_assert_true(libjpeg_is_as_compiled());
    g_assert_true(jpeg_hook_works());
#else
    g_assert_false(jpeg_hook_works());
#endif
}

static void test_code_of_libjpeg(void)
{
    struct jpeg_error_mgr errors;
    g_assert_true(libjpeg_has((const void *)(uintptr_t)jpeg_std_error(&errors)->error_exit));
    g_assert_false(libjpeg_has((const void *)(uintptr_t)test_code_of_libjpeg));
    g_assert_false(libjpeg_has(&errors));
    g_assert_false(libjpeg_has(NULL));
}

/* Every file without a fault is decoded by the hook, to the same pixels, at each scale. */
static void test_same(void)
{
    if (is_skipped())
        return;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    int n = number_of_files();
    for (int i = 0; i < n; i++) {
        const JpegMaker maker = {.side_max = i % 50 == 0 ? 400 : 70};
        g_autoptr(GBytes) file = jpeg_make(rand, &maker);
        gsize size;
        const uint8_t *data = g_bytes_get_data(file, &size);
        for (size_t k = 0; k < G_N_ELEMENTS(denominators); k++) {
            g_assert_true(jpeg_compare(data, size, denominators[k], true));
            g_assert_true(jpeg_compare(data, size, denominators[k], false));
        }
    }
}

/* A file that ends early is refused, unless no picture data are missing. */
static void test_truncated(void)
{
    if (is_skipped())
        return;
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);
    for (int i = 0; i < 12; i++) {
        g_autoptr(GBytes) file = jpeg_make(rand, &(JpegMaker){.side_max = 40});
        gsize size;
        const uint8_t *data = g_bytes_get_data(file, &size);
        for (gsize cut = 0; cut < size; cut++) {
            /* A copy of its own makes a read beyond the end visible. */
            g_autofree uint8_t *part = g_memdup2(data, cut);
            g_assert_false(jpeg_compare(part, cut, denominators[cut % 4], cut / 4 % 2 == 0));
        }
    }
}

/* A file that ends with bytes of 0xff, where its end marker would be, is refused. */
static void test_filled(void)
{
    if (is_skipped())
        return;
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    for (int i = 0; i < 20; i++) {
        g_autoptr(GBytes) file = jpeg_make(rand, &(JpegMaker){.side_max = 40});
        gsize size;
        g_autofree uint8_t *data = g_bytes_unref_to_data(g_bytes_ref(file), &size);
        data[size - 1] = 0xff;
        for (gsize cut = size - 1; cut <= size; cut++)
            g_assert_false(jpeg_compare(data, cut, denominators[i % 4], i % 8 < 4));
    }
}

/* Each byte in turn is another: the hook refuses, or libjpeg finds no fault and the same pixels. */
static void test_damaged(void)
{
    if (is_skipped())
        return;
    static const uint8_t changes[] = {0x01, 0x80, 0xff, 0x10};
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    int refused = 0, taken = 0;
    for (int i = 0; i < 8; i++) {
        g_autoptr(GBytes) file = jpeg_make(rand, &(JpegMaker){.side_max = 40});
        gsize size;
        g_autofree uint8_t *data = g_bytes_unref_to_data(g_bytes_ref(file), &size);
        for (gsize at = 0; at < size; at++) {
            for (size_t k = 0; k < G_N_ELEMENTS(changes); k++) {
                uint8_t kept = data[at];
                data[at] ^= changes[k];
                if (jpeg_compare(data, size, denominators[(at + k) % 4], at % 2 == 0))
                    taken++;
                else
                    refused++;
                data[at] = kept;
            }
        }
    }
    g_assert_cmpint(taken, >, 100);
    g_assert_cmpint(refused, >, 100);
}

/* A damaged file that is large enough for the hook gets what libjpeg makes of it. */
static void test_rest_by_libjpeg(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    int damaged = 0;
    for (int i = 0; i < 300; i++) {
        g_autoptr(GBytes) file = jpeg_make(rand, &(JpegMaker){.side_max = 300});
        gsize size;
        g_autofree uint8_t *data = g_bytes_unref_to_data(g_bytes_ref(file), &size);
        if (size < 2 * JPEG_HOOK_SIZE_MIN)
            continue;
        if (i % 2 == 0)
            data[g_rand_int_range(rand, 1000, (int)size)] ^= 0x24;
        else
            size -= (gsize)g_rand_int_range(rand, 1, JPEG_HOOK_SIZE_MIN);
        g_auto(JpegDecoded) expected = {0};
        jpeg_decode_way(data, size, (JpegWay){.denominator = 1}, &expected);
        g_auto(JpegImage) made = {0};
        bool fine = jpeg_decode(data, size, 1000, 1000, false, &made, NULL);
        if (!expected.complete)
            continue;
        g_assert_true(fine);
        g_assert_cmpint(made.damaged, ==, expected.damaged);
        damaged += made.damaged;
        /* Colours of CMYK are inverted there. */
        if (made.picture->bands != 4)
            g_assert_cmpmem(made.picture->pixels,
                            picture_stride(made.picture) * (size_t)made.picture->height,
                            expected.pixels->data, expected.pixels->len);
    }
    g_assert_cmpint(damaged, >, 20);
}

/* Files that the hook is not for. */
static void test_others(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    for (int i = 0; i < 20; i++) {
        const JpegMaker maker = {.side_max = 60, .progressive = true};
        g_autoptr(GBytes) file = jpeg_make(rand, &maker);
        gsize size;
        const uint8_t *data = g_bytes_get_data(file, &size);
        const JpegWay way = {.denominator = 1, .hooks = true};
        g_auto(JpegDecoded) decoded = {0};
        jpeg_decode_way(data, size, way, &decoded);
        g_assert_true(decoded.complete);
        g_assert_false(decoded.hooked);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_message("variant: %s", entropy_variant());
    g_test_add_func("/jpeg-entropy/works", test_works);
    g_test_add_func("/jpeg-entropy/code-of-libjpeg", test_code_of_libjpeg);
    g_test_add_func("/jpeg-entropy/same", test_same);
    g_test_add_func("/jpeg-entropy/truncated", test_truncated);
    g_test_add_func("/jpeg-entropy/filled", test_filled);
    g_test_add_func("/jpeg-entropy/damaged", test_damaged);
    g_test_add_func("/jpeg-entropy/rest-by-libjpeg", test_rest_by_libjpeg);
    g_test_add_func("/jpeg-entropy/others", test_others);
    return g_test_run();
}
