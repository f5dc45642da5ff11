/* SPDX-License-Identifier: Apache-2.0 */
/* How often steps of decoding are done for one file. The linker's --wrap counts them. */
#include "formats/decode.h"

#include "base/error.h"
#include "formats/file_format.h"
#include "formats/tiff_layout.h"
#include "jpeg_maker.h"
#include "library.h"

#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

static int n_choices, n_starts;

void __real_tiff_choose(const Tiff *tiff, TiffChoice *ret_choice);
void __wrap_tiff_choose(const Tiff *tiff, TiffChoice *ret_choice);
boolean __real_jpeg_start_decompress(j_decompress_ptr cinfo);
boolean __wrap_jpeg_start_decompress(j_decompress_ptr cinfo);

void __wrap_tiff_choose(const Tiff *tiff, TiffChoice *ret_choice)
{
    n_choices++;
    __real_tiff_choose(tiff, ret_choice);
}

boolean __wrap_jpeg_start_decompress(j_decompress_ptr cinfo)
{
    n_starts++;
    return __real_jpeg_start_decompress(cinfo);
}

/* Decodes to `width` x `height`, to planes if `planes`. NULL with the error. */
static Picture *decode(const Source *source, ImageType type, int width, int height, bool planes,
                       bool *ret_damaged, GError **error)
{
    static const DecodeLimits limits = {.max_pixels = 1000000, .max_pages = 10};
    g_auto(Decoder) decoder = {0};
    ImageFacts facts = {0};
    if (!decoder_open(&decoder, source, file_format_of(type), &limits, &facts, error))
        return NULL;
    if (planes)
        decoder_allow_planes(&decoder, false);
    return decoder_read(&decoder, width, height, ret_damaged, error);
}

/* A TIFF file of one picture, 4 x 4 grey pixels. */
static void test_tiff_is_chosen_once(void)
{
    static const uint8_t file[] = "II*\0\x08\0\0\0"
                                  "\x08\0"
                                  "\0\1\4\0\1\0\0\0\4\0\0\0"
                                  "\1\1\4\0\1\0\0\0\4\0\0\0"
                                  "\2\1\3\0\1\0\0\0\x08\0\0\0"
                                  "\3\1\3\0\1\0\0\0\1\0\0\0"
                                  "\6\1\3\0\1\0\0\0\1\0\0\0"
                                  "\x11\1\4\0\1\0\0\0\x6e\0\0\0"
                                  "\x16\1\4\0\1\0\0\0\4\0\0\0"
                                  "\x17\1\4\0\1\0\0\0\x10\0\0\0"
                                  "\0\0\0\0"
                                  "0123456789abcdef";
    const Source source = {.data = file, .size = sizeof file - 1};
    /* Cut, it is opened twice: strictly, then for the part that it has. */
    const Source cut = {.data = file, .size = sizeof file - 9};
    g_autoptr(GError) error = NULL;
    bool damaged;
    n_choices = 0;
    g_autoptr(Picture) picture = decode(&source, IMAGE_TIFF, 4, 4, false, &damaged, &error);
    g_assert_no_error(error);
    g_assert_nonnull(picture);
    g_assert_false(damaged);
    g_assert_cmpint(n_choices, ==, 1);
    n_choices = 0;
    g_autoptr(Picture) part = decode(&cut, IMAGE_TIFF, 4, 4, false, &damaged, NULL);
    g_assert_cmpint(n_choices, ==, 1);
}

/*
 * A damaged file is decoded once until the fault turns up, and once for the part before. An end
 * by libjpeg's error in the middle takes one more.
 */
static void test_damaged_jpeg(gconstpointer data)
{
    const JpegMaker maker = {.side_max = 400, .progressive = GPOINTER_TO_INT(data)};
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    int seen = 0;
    for (int i = 0; i < 80; i++) {
        g_autoptr(GBytes) file = jpeg_make(rand, &maker);
        gsize size;
        const uint8_t *bytes = g_bytes_get_data(file, &size);
        for (int planes = 0; planes < 2; planes++) {
            const Source whole = {.data = bytes, .size = size};
            const Source cut = {.data = bytes, .size = size - size / 4};
            bool damaged = false;
            g_autoptr(GError) error = NULL;
            n_starts = 0;
            g_autoptr(Picture) fine = decode(&whole, IMAGE_JPEG, 20, 20, planes, &damaged, &error);
            if (fine == NULL || size < 16 << 10) {
                continue;
            }
            g_assert_false(damaged);
            int for_whole = n_starts;
            n_starts = 0;
            g_autoptr(Picture) part = decode(&cut, IMAGE_JPEG, 20, 20, planes, &damaged, NULL);
            g_assert_nonnull(part);
            g_assert_true(damaged);
            g_assert_cmpint(n_starts, <=, for_whole + 1);
            g_assert_cmpint(n_starts, <=, 2);
            seen++;
        }
    }
    g_assert_cmpint(seen, >, 20);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* libvips warns of the cut file. */
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_autoptr(GError) error = NULL;
    (void)library_start(&error);
    g_assert_no_error(error);
    g_test_add_func("/decode/tiff-is-chosen-once", test_tiff_is_chosen_once);
    g_test_add_data_func("/decode/damaged-jpeg/baseline", GINT_TO_POINTER(false),
                         test_damaged_jpeg);
    g_test_add_data_func("/decode/damaged-jpeg/progressive", GINT_TO_POINTER(true),
                         test_damaged_jpeg);
    return g_test_run();
}
