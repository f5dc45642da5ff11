/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/gif_blocks.h"

#include <string.h>

#define HEAD    "GIF89a\x3c\0\x28\0\x80\0\0\1\2\3\4\5\6" /* 60 x 40, two colours */
#define CONTROL "\x21\xf9\4\0\5\0\0\0"
#define FRAME   "\x2c\x0f\0\x0a\0\x1e\0\x14\0\0\2\2\x44\1\0" /* 30 x 20 at 15, 10 */
#define COMMENT "\x21\xfe\3abc\0"

/* XMP as its writers add it to GIF. */
static GByteArray *make(const char *xmp, bool has_end)
{
    GByteArray *file = g_byte_array_new();
    g_byte_array_append(file, (const uint8_t *)HEAD CONTROL COMMENT FRAME,
                        sizeof HEAD CONTROL COMMENT FRAME - 1);
    if (xmp != NULL) {
        g_byte_array_append(file, (const uint8_t *)"\x21\xff\x0bXMP DataXMP", 14);
        g_byte_array_append(file, (const uint8_t *)xmp, (guint)strlen(xmp));
        g_byte_array_append(file, (const uint8_t *)"\1", 1);
        for (int i = 255; i >= 0; i--) {
            uint8_t byte = (uint8_t)i;
            g_byte_array_append(file, &byte, 1);
        }
        g_byte_array_append(file, (const uint8_t *)"\0", 1);
    }
    if (has_end)
        g_byte_array_append(file, (const uint8_t *)";", 1);
    return file;
}

static void test_place(void)
{
    g_autoptr(GByteArray) file = make(NULL, true);
    GifPlace place;
    g_assert_true(gif_first_place(file->data, file->len, &place));
    g_assert_cmpint(place.left, ==, 15);
    g_assert_cmpint(place.top, ==, 10);
    g_assert_cmpint(place.width, ==, 30);
    g_assert_cmpint(place.height, ==, 20);
}

/* Texts of any length are passed by readers of GIF, as their bytes are lengths of parts. */
static void test_xmp(void)
{
    for (int n = 0; n < 600; n++) {
        g_autofree char *text = g_strnfill((gsize)n, 'x');
        g_autoptr(GByteArray) file = make(text, true);
        size_t size = 0;
        const uint8_t *xmp = gif_xmp(file->data, file->len, &size);
        g_assert_nonnull(xmp);
        g_assert_cmpmem(xmp, size, text, n);
    }
    g_autoptr(GByteArray) without = make(NULL, true);
    size_t size;
    g_assert_null(gif_xmp(without->data, without->len, &size));
}

static void test_clear_frame(void)
{
    g_autoptr(GByteArray) file = make("<x/>", true);
    g_autoptr(GBytes) made = gif_with_clear_frame(file->data, file->len);
    g_assert_nonnull(made);
    size_t size;
    const uint8_t *data = g_bytes_get_data(made, &size);
    g_assert_cmpmem(data, file->len - 1, file->data, file->len - 1);
    g_assert_cmpint(data[size - 1], ==, ';');
    /* The result is a file with an end, too. */
    g_autoptr(GBytes) again = gif_with_clear_frame(data, size);
    g_assert_nonnull(again);
    g_autoptr(GByteArray) open = make("<x/>", false);
    g_assert_null(gif_with_clear_frame(open->data, open->len));
}

/* With any cut of the file, no byte is read that is not there. */
static void test_cut(void)
{
    g_autoptr(GByteArray) file = make("<x/>", true);
    for (guint size = 0; size < file->len; size++) {
        g_autofree uint8_t *exact = g_memdup2(file->data, size);
        GifPlace place;
        size_t n;
        g_autoptr(GBytes) made = gif_with_clear_frame(exact, size);
        g_assert_null(made);
        (void)gif_first_place(exact, size, &place);
        (void)gif_xmp(exact, size, &n);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gif-blocks/place", test_place);
    g_test_add_func("/gif-blocks/xmp", test_xmp);
    g_test_add_func("/gif-blocks/clear-frame", test_clear_frame);
    g_test_add_func("/gif-blocks/cut", test_cut);
    return g_test_run();
}
