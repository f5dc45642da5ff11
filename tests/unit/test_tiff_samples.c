/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_samples.h"

#include <glib.h>
#include <math.h>
#include <string.h>

/* Packs numbers of `bits` as TIFF does: the highest bit first. */
static void pack(const uint32_t *values, size_t n, unsigned bits, uint8_t *to)
{
    memset(to, 0, (n * bits + 7) / 8);
    for (size_t i = 0; i < n * bits; i++) {
        unsigned bit = values[i / bits] >> (bits - 1 - i % bits) & 1;
        to[i / 8] = (uint8_t)(to[i / 8] | bit << (7 - i % 8));
    }
}

static uint32_t top_of(unsigned bits)
{
    return bits == 32 ? UINT32_MAX : (UINT32_C(1) << bits) - 1;
}

/* The row as libtiff returns it: samples of whole bytes are in this machine's order. */
static void make_row(const uint32_t *values, size_t n, unsigned bits, uint8_t *to)
{
    if (bits != 8 && bits != 16 && bits != 24 && bits != 32) {
        pack(values, n, bits, to);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        for (unsigned byte = 0; byte < bits / 8; byte++) {
            unsigned place = G_BYTE_ORDER == G_LITTLE_ENDIAN ? byte : bits / 8 - 1 - byte;
            to[i * bits / 8 + place] = (uint8_t)(values[i] >> 8 * byte);
        }
    }
}

/* Each size of samples from 1 to 32 bits, against the definition in floating point. */
static void test_whole_numbers(void)
{
    for (unsigned bits = 1; bits <= 32; bits++) {
        uint32_t top = top_of(bits);
        const uint32_t values[] = {0, top, top / 2, top / 3, 1, top - 1, top};
        enum { N = G_N_ELEMENTS(values) };
        size_t size = (N * bits + 7) / 8;
        /* Alone in memory. */
        g_autofree uint8_t *row = g_malloc(size);
        make_row(values, N, bits, row);
        for (int way = 0; way < 4; way++) {
            const Samples samples = {
                .bits = bits, .is_signed = way & 1, .is_inverted = (way & 2) != 0};
            SamplesKind kind;
            uint16_t made[N];
            g_assert_true(samples_are_known(&samples, &kind));
            g_assert_cmpint(kind, ==, bits <= 8 ? SAMPLES_8 : SAMPLES_16);
            samples_convert(&samples, row, N, made, 1);
            double most = bits <= 8 ? 255 : 65535;
            for (size_t i = 0; i < N; i++) {
                double value = values[i];
                if (samples.is_signed)
                    value = value < top / 2.0 ? value + (top / 2 + 1) : value - (top / 2 + 1);
                if (samples.is_inverted)
                    value = top - value;
                double found = kind == SAMPLES_8 ? ((uint8_t *)made)[i] : made[i];
                g_assert_cmpfloat_with_epsilon(found, value / top * most, bits > 16 ? 1.0 : 0.5001);
            }
        }
    }
}

/* The first sample of a pixel is inverted, and no other: those are alpha. */
static void test_inverted_with_alpha(void)
{
    static const uint8_t row[] = {0, 255, 10, 0, 255, 7};
    static const uint8_t expected[] = {255, 255, 245, 0, 0, 7}, each[] = {255, 0, 245, 255, 0, 248};
    Samples samples = {.bits = 8, .is_inverted = true, .per_pixel = 2};
    uint8_t made[sizeof row];
    samples_convert(&samples, row, sizeof row, made, 1);
    g_assert_cmpmem(made, sizeof made, expected, sizeof expected);
    samples.per_pixel = 1;
    samples_convert(&samples, row, sizeof row, made, 1);
    g_assert_cmpmem(made, sizeof made, each, sizeof each);

    const float numbers[] = {0.25F, 0.5F};
    float converted[2];
    samples = (Samples){.bits = 32, .is_float = true, .is_inverted = true, .per_pixel = 2};
    samples_convert(&samples, (const uint8_t *)numbers, 2, converted, 1);
    g_assert_cmpfloat(converted[0], ==, 0.75F);
    g_assert_cmpfloat(converted[1], ==, 0.5F);
}

/* An index stays as it is; the alpha beside it has all numbers of 8 bits. */
static void test_index_with_alpha(void)
{
    static const uint8_t row[] = {0x3f, 0xf0, 0x08};
    static const uint8_t expected[] = {3, 255, 15, 0, 0, 136};
    const Samples samples = {.bits = 4, .is_index = true, .per_pixel = 2};
    uint8_t made[sizeof expected];
    samples_convert(&samples, row, sizeof expected, made, 1);
    g_assert_cmpmem(made, sizeof made, expected, sizeof expected);
}

static void test_division_by_alpha(void)
{
    uint8_t bytes[] = {0, 64, 128, 128, 9, 9, 9, 0, 1, 200, 255, 100, 7, 8, 9, 255};
    static const uint8_t seen[] = {0, 128, 255, 128, 0, 0, 0, 0, 3, 255, 255, 100, 7, 8, 9, 255};
    samples_divide_by_alpha(SAMPLES_8, bytes, 4, 4, 3);
    g_assert_cmpmem(bytes, sizeof bytes, seen, sizeof seen);

    /* Another band lies behind alpha. */
    uint16_t words[] = {16384, 32768, 65535};
    samples_divide_by_alpha(SAMPLES_16, words, 1, 3, 1);
    g_assert_cmpuint(words[0], ==, 32768);
    g_assert_cmpuint(words[1], ==, 32768);
    g_assert_cmpuint(words[2], ==, 65535);

    float numbers[] = {0.25F, 0.5F, 1, 0, -1, -1, INFINITY, INFINITY};
    static const float divided[] = {0.5F, 0.5F, 0, 0, 0, -1, 0, INFINITY};
    samples_divide_by_alpha(SAMPLES_FLOAT, numbers, 4, 2, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(divided); i++)
        g_assert_cmpfloat(numbers[i], ==, divided[i]);
}

static void test_step(void)
{
    static const uint8_t row[] = {1, 2, 3};
    const Samples samples = {.bits = 8};
    uint8_t made[9] = {0};
    samples_convert(&samples, row, 3, made + 1, 3);
    g_assert_cmpmem(made, 9, "\0\1\0\0\2\0\0\3\0", 9);
}

static void test_floats(void)
{
    /* Source: IEEE 754, table of binary16. */
    static const struct {
        uint16_t half;
        float value;
    } halves[] = {{0x0000, 0},
                  {0x3c00, 1},
                  {0x3800, 0.5F},
                  {0xbc00, -1},
                  {0x7bff, 65504},
                  {0x0001, 5.9604645e-8F},
                  {0x0400, 6.1035156e-5F},
                  {0x7c00, INFINITY},
                  {0x7e00, 0}};
    Samples samples = {.bits = 16, .is_float = true};
    for (size_t i = 0; i < G_N_ELEMENTS(halves); i++) {
        float made;
        samples_convert(&samples, (const uint8_t *)&halves[i].half, 1, &made, 1);
        g_assert_cmpfloat(made, ==, halves[i].value);
    }
    const double wide[] = {0.125, NAN, 1e300};
    float made[3];
    samples.bits = 64;
    samples_convert(&samples, (const uint8_t *)wide, 3, made, 1);
    g_assert_cmpfloat(made[0], ==, 0.125F);
    g_assert_cmpfloat(made[1], ==, 0);
    g_assert_true(isinf(made[2]));
}

/* L*, a*, b* and alpha together, and one plane after the other. */
static void test_lab(void)
{
    static const uint8_t bytes[] = {51, 0x81, 0x7f, 255};
    static const uint16_t words[] = {UINT16_MAX, 0x8000, 0x0180, 0};
    static const float floats[] = {50, -100, 2.5F, 51};
    static const struct {
        unsigned bits;
        const void *row;
        float expected[4];
    } rows[] = {{8, bytes, {20, -127, 127, 1}},
                {16, words, {100, -128, 1.5F, 0}},
                {32, floats, {50, -100, 2.5F, 0.2F}}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Samples samples = {
            .bits = rows[i].bits, .is_float = rows[i].bits == 32, .is_lab = true, .per_pixel = 4};
        const uint8_t *row = rows[i].row;
        const float *expected = rows[i].expected;
        SamplesKind kind;
        float made[4], plane;
        g_assert_true(samples_are_known(&samples, &kind));
        g_assert_cmpint(kind, ==, SAMPLES_FLOAT);
        samples_convert(&samples, row, 4, made, 1);
        samples.per_pixel = 1;
        for (unsigned band = 0; band < 4; band++) {
            samples.band = band;
            samples_convert(&samples, row + band * samples.bits / 8, 1, &plane, 1);
            g_assert_cmpfloat_with_epsilon(made[band], expected[band], 1e-4F);
            g_assert_cmpfloat_with_epsilon(plane, expected[band], 1e-4F);
        }
    }
}

static void test_unknown_kinds(void)
{
    static const Samples rows[] = {{.bits = 0},
                                   {.bits = 33},
                                   {.bits = 64},
                                   {.bits = 8, .is_float = true},
                                   {.bits = 8, .is_float = true, .is_lab = true},
                                   {.bits = 12, .is_lab = true},
                                   {.bits = 128, .is_float = true}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        SamplesKind kind;
        uint8_t made[8] = "unused!";
        g_assert_false(samples_are_known(&rows[i], &kind));
        samples_convert(&rows[i], (const uint8_t *)"0123456789abcdef", 1, made, 1);
        g_assert_cmpstr((const char *)made, ==, "unused!");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tiff-samples/whole-numbers", test_whole_numbers);
    g_test_add_func("/tiff-samples/inverted-with-alpha", test_inverted_with_alpha);
    g_test_add_func("/tiff-samples/index-with-alpha", test_index_with_alpha);
    g_test_add_func("/tiff-samples/division-by-alpha", test_division_by_alpha);
    g_test_add_func("/tiff-samples/step", test_step);
    g_test_add_func("/tiff-samples/floats", test_floats);
    g_test_add_func("/tiff-samples/lab", test_lab);
    g_test_add_func("/tiff-samples/unknown-kinds", test_unknown_kinds);
    return g_test_run();
}
