/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/coded_av1.h"

#include <glib.h>

typedef struct {
    const char *name;
    const char *bytes;
    size_t size;
    CodedKind kind;
    int64_t pixels;
} Case;

#define CASE(name, literal, kind, pixels)                                                          \
    {                                                                                              \
        name, literal, sizeof(literal) - 1, kind, pixels                                           \
    }

/* A sequence of pictures of at most 64 x 64; sizes have 16 bits. */
#define SEQUENCE "\x0a\x0c\x00\x00\x00\x43\xfc\x00\xfc\x00\xfc\x00\x00\x08"

/* The headers without SEQUENCE are from libaom. Only the result of the last OBU is compared. */
static const Case av1[] = {
    CASE("64x64", "\x0a\x09\x18\x15\x7f\xfd\x82\x04\x04\x0d\x08", CODED_HEADER, 64 * 64),
    CASE("1000x700", "\x0a\x0a\x19\x66\x7e\x7a\xef\x82\x04\x04\x0d\x08", CODED_HEADER, 1000 * 700),
    CASE("cut", "\x0a\x02\x18\x15", CODED_UNCLEAR, 0),
    CASE("without-a-reduced-header", SEQUENCE, CODED_HEADER, 64 * 64),
    CASE("frame-of-its-own-size", SEQUENCE "\x32\x0a\x1c\x04\xac\x04\xad\x19\x00\x00\x00\x80",
         CODED_PICTURE, 300 * 300),
    CASE("frame-of-the-sequence's-size", SEQUENCE "\x32\x02\x10\x00", CODED_PICTURE, 0),
    CASE("frame-shown-again", SEQUENCE "\x32\x01\x80", CODED_PICTURE, 0),
    CASE("not-shown", SEQUENCE "\x32\x06\x0f\xff\x01\x2b\x01\x2c", CODED_PICTURE, 300 * 301),
    CASE("size-of-a-frame-before", SEQUENCE "\x32\x02\x3a\x00", CODED_PICTURE, INT64_C(1) << 32),
    CASE("cut-before-the-size", SEQUENCE "\x32\x02\x1c\x04", CODED_PICTURE, INT64_C(1) << 32),
    CASE("frame-behind-a-reduced-header",
         "\x0a\x09\x18\x15\x7f\xfd\x82\x04\x04\x0d\x08\x32\x02\x1c\x04", CODED_PICTURE, 0),
    CASE("delimiter", "\x12\x00", CODED_OTHER, 0),
    CASE("frame", "\x32\x01\x00", CODED_PICTURE, 0),
    CASE("tiles", "\x22\x01\x00", CODED_SLICE, 0),
    CASE("longer-than-there-is", "\x32\xff\xff\xff\x7f\x00", CODED_PICTURE, 0),
    CASE("without-a-size", "\x18\x00\x00\x00", CODED_PICTURE, 0),
};

static void assert_same(Coded coded, const Case *row)
{
    g_assert_cmpint(coded.kind, ==, row->kind);
    g_assert_cmpint(coded.pixels, ==, row->pixels);
}

static void test_av1(const void *data)
{
    const Case *row = data;
    Av1Sequence sequence = {0};
    Coded coded = {0};
    size_t at = 0;
    g_autofree uint8_t *copy = g_memdup2(row->bytes, row->size);
    while (at < row->size) {
        size_t taken = 0;
        coded = coded_av1(copy + at, row->size - at, &sequence, &taken);
        at += taken;
    }
    g_assert_cmpuint(at, ==, row->size);
    assert_same(coded, row);
}

/* The decoder never reads beyond the bytes, whatever they are, and each OBU takes some of them. */
static void test_noise(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(i);
        size_t size = (size_t)g_rand_int_range(random, 1, 48);
        g_autofree uint8_t *bytes = g_malloc(size);
        Av1Sequence sequence = {0};
        for (size_t at = 0; at < size; at++)
            bytes[at] = (uint8_t)g_rand_int_range(random, 0, i % 2 ? 256 : 4);
        if (i % 3 == 0)
            bytes[0] = 0x0a;
        CodedColors colors;
        (void)coded_av1_colors(bytes, size, &colors);
        for (size_t at = 0; at < size;) {
            size_t taken = 0;
            Coded coded = coded_av1(bytes + at, size - at, &sequence, &taken);
            g_assert_true(taken >= 1 && taken <= size - at);
            g_assert_true(coded.pixels >= 0 && coded.pixels <= INT64_C(1) << 40);
            at += taken;
        }
    }
}

/* Of avifenc: -r limited --cicp 12/13/1. */
#define P3_SEQUENCE "\x0a\x0a\x39\x66\x7e\xff\xbf\x84\x30\x34\x04\x40"

static void test_colors(void)
{
    static const char p3[] = "\x12\x00" P3_SEQUENCE;
    static const char plain[] = "\x0a\x09\x18\x15\x7f\xfd\x82\x04\x04\x0d\x08";
    CodedColors colors = {0};
    g_assert_true(coded_av1_colors((const uint8_t *)p3, sizeof p3 - 1, &colors));
    g_assert_cmpint(colors.primaries, ==, 12);
    g_assert_cmpint(colors.transfer, ==, 13);
    g_assert_cmpint(colors.matrix, ==, 1);
    g_assert_false(colors.is_full);
    g_assert_true(coded_av1_colors((const uint8_t *)plain, sizeof plain - 1, &colors));
    g_assert_cmpint(colors.matrix, ==, 6);
    g_assert_true(colors.is_full);
    /* Cut in the sequence header; no sequence header. */
    g_assert_false(coded_av1_colors((const uint8_t *)p3, 6, &colors));
    g_assert_false(coded_av1_colors((const uint8_t *)p3, 2, &colors));
    g_assert_false(coded_av1_colors((const uint8_t *)p3, 0, &colors));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(av1); i++) {
        g_autofree char *path = g_strdup_printf("/coded-av1/%s", av1[i].name);
        g_test_add_data_func(path, &av1[i], test_av1);
    }
    g_test_add_func("/coded-av1/colors", test_colors);
    g_test_add_func("/coded-av1/noise", test_noise);
    return g_test_run();
}
