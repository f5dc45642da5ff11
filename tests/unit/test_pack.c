/* SPDX-License-Identifier: Apache-2.0 */
/* Packing: packed values are unpacked as the same, and no byte outside of the buffer is touched. */
#include "base/pack.h"

#include <glib.h>
#include <string.h>

static void test_round_trip(void)
{
    uint8_t buffer[64];
    char text[8];
    Packer packer = {.data = buffer, .max = sizeof buffer};

    pack_u8(&packer, 0xab);
    pack_u16(&packer, 0xabcd);
    pack_u32(&packer, 0xdeadbeef);
    pack_u64(&packer, UINT64_MAX - 1);
    pack_i64(&packer, INT64_MIN);
    pack_text(&packer, "caf\xc3\xa9");
    pack_text(&packer, "");
    pack_bytes(&packer, "\0\1", 2);
    g_assert_false(packer.failed);

    Unpacker unpacker = {.data = buffer, .len = packer.len};
    g_assert_cmpuint(unpack_u8(&unpacker), ==, 0xab);
    g_assert_cmpuint(unpack_u16(&unpacker), ==, 0xabcd);
    g_assert_cmpuint(unpack_u32(&unpacker), ==, 0xdeadbeef);
    g_assert_cmpuint(unpack_u64(&unpacker), ==, UINT64_MAX - 1);
    g_assert_cmpint(unpack_i64(&unpacker), ==, INT64_MIN);
    unpack_text(&unpacker, text, sizeof text);
    g_assert_cmpstr(text, ==, "caf\xc3\xa9");
    unpack_text(&unpacker, text, sizeof text);
    g_assert_cmpstr(text, ==, "");
    g_assert_cmpmem(unpack_bytes(&unpacker, 2), 2, "\0\1", 2);
    g_assert_false(unpacker.failed);
    g_assert_cmpuint(unpacker.at, ==, unpacker.len);
}

/* Each value has its shortest form, and no form is longer than necessary. */
static void test_varint(void)
{
    static const struct {
        uint64_t value;
        size_t len;
    } cases[] = {{0, 1},
                 {127, 1},
                 {128, 2},
                 {16383, 2},
                 {16384, 3},
                 {UINT64_C(1) << 56, 9},
                 {UINT64_C(1) << 63, 10},
                 {UINT64_MAX, PACK_VARINT_MAX}};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t buffer[PACK_VARINT_MAX];
        Packer packer = {.data = buffer, .max = sizeof buffer};
        pack_varint(&packer, cases[i].value);
        g_assert_false(packer.failed);
        g_assert_cmpuint(packer.len, ==, cases[i].len);
        for (size_t len = 0; len <= packer.len; len++) {
            Unpacker unpacker = {.data = buffer, .len = len};
            g_assert_cmpuint(unpack_varint(&unpacker), ==, len == packer.len ? cases[i].value : 0);
            g_assert_true(unpacker.failed == (len < packer.len));
        }
    }
}

/* A number of more than 64 bits is refused. */
static void test_varint_too_long(void)
{
    static const uint8_t long_ones[][11] = {
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0x01},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(long_ones); i++) {
        Unpacker unpacker = {.data = long_ones[i], .len = sizeof long_ones[i]};
        g_assert_cmpuint(unpack_varint(&unpacker), ==, 0);
        g_assert_true(unpacker.failed);
    }
}

static void test_little_endian(void)
{
    uint8_t buffer[4];
    Packer packer = {.data = buffer, .max = sizeof buffer};

    pack_u32(&packer, 0x04030201);
    g_assert_cmpmem(buffer, sizeof buffer, "\1\2\3\4", 4);
}

/* A full packer fails and writes nothing more, not even a value that would fit. */
static void test_full(void)
{
    for (size_t max = 0; max < 8; max++) {
        uint8_t buffer[9];
        Packer packer = {.data = buffer, .max = max};

        memset(buffer, 0x55, sizeof buffer);
        pack_u64(&packer, 0);
        g_assert_true(packer.failed);
        pack_u8(&packer, 0);
        g_assert_true(packer.failed);
        g_assert_cmpuint(packer.len, ==, 0);
        for (size_t i = 0; i < sizeof buffer; i++)
            g_assert_cmpuint(buffer[i], ==, 0x55);
    }
}

static void test_text_too_long(void)
{
    g_autofree char *text = g_strnfill(UINT16_MAX + 1, 'x');
    g_autofree uint8_t *buffer = g_malloc(2 * UINT16_MAX);
    Packer packer = {.data = buffer, .max = 2 * UINT16_MAX};

    pack_text(&packer, text + 1);
    g_assert_false(packer.failed);
    pack_text(&packer, text);
    g_assert_true(packer.failed);
}

/* An unpacker without bytes reads zeros, and nothing more. */
static void test_run_out(void)
{
    const uint8_t data[] = {1, 2, 3};
    Unpacker unpacker = {.data = data, .len = sizeof data};

    g_assert_cmpuint(unpack_u32(&unpacker), ==, 0);
    g_assert_true(unpacker.failed);
    g_assert_cmpuint(unpack_u8(&unpacker), ==, 0);
    g_assert_null(unpack_bytes(&unpacker, 0));
    g_assert_true(unpacker.failed);
}

/* A length that would overflow is refused. */
static void test_huge(void)
{
    uint8_t data[4] = {0};
    Unpacker unpacker = {.data = data, .len = sizeof data, .at = 2};
    Packer packer = {.data = data, .max = sizeof data, .len = 2};

    g_assert_null(unpack_bytes(&unpacker, SIZE_MAX));
    g_assert_true(unpacker.failed);
    pack_bytes(&packer, data, SIZE_MAX);
    g_assert_true(packer.failed);
}

typedef struct {
    const char *name;
    uint32_t value;
    int min, max;
    bool ok;
} IntCase;

static const IntCase ints[] = {
    {"least", 1, 1, 8, true},
    {"most", 8, 1, 8, true},
    {"below", 0, 1, 8, false},
    {"above", 9, 1, 8, false},
    {"negative", UINT32_MAX, 0, INT32_MAX, false},
    {"sign-bit", UINT32_C(1) << 31, 0, INT32_MAX, false},
    {"all", INT32_MAX, 0, INT32_MAX, true},
};

static void test_int(const void *data)
{
    const IntCase *row = data;
    uint8_t buffer[4];
    Packer packer = {.data = buffer, .max = sizeof buffer};
    Unpacker unpacker = {.data = buffer, .len = sizeof buffer};

    pack_u32(&packer, row->value);
    int value = unpack_int(&unpacker, row->min, row->max);
    g_assert_cmpint(unpacker.failed, ==, !row->ok);
    g_assert_cmpint(value, ==, row->ok ? (int)row->value : row->min);
}

static void test_bool(void)
{
    for (int byte = 0; byte < 256; byte++) {
        uint8_t data = (uint8_t)byte;
        Unpacker unpacker = {.data = &data, .len = 1};

        g_assert_cmpint(unpack_bool(&unpacker), ==, byte == 1);
        g_assert_cmpint(unpacker.failed, ==, byte > 1);
    }
}

typedef struct {
    const char *name;
    const char *data;
    size_t len;
    bool ok;
} TextCase;

/* The texts are packed into four bytes. */
static const TextCase texts[] = {
    {"fits", "\3\0abc", 5, true},
    {"too-long", "\4\0abcd", 6, false},
    {"cut", "\3\0ab", 4, false},
    {"no-length", "\3", 1, false},
    {"holds-nul", "\3\0a\0c", 5, false},
    {"empty", "\0\0", 2, true},
    {"length-of-nothing", "\377\377", 2, false},
};

static void test_text(const void *data)
{
    const TextCase *row = data;
    Unpacker unpacker = {.data = (const uint8_t *)row->data, .len = row->len};
    char text[5] = {'#', '#', '#', '#', '#'};

    unpack_text(&unpacker, text, 4);
    g_assert_cmpint(unpacker.failed, ==, !row->ok);
    g_assert_cmpint(text[4], ==, '#');
    g_assert_cmpuint(strlen(text), ==, row->ok ? row->len - 2 : 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pack/varint", test_varint);
    g_test_add_func("/pack/varint-too-long", test_varint_too_long);
    g_test_add_func("/pack/round-trip", test_round_trip);
    g_test_add_func("/pack/little-endian", test_little_endian);
    g_test_add_func("/pack/full", test_full);
    g_test_add_func("/pack/text-too-long", test_text_too_long);
    g_test_add_func("/pack/run-out", test_run_out);
    g_test_add_func("/pack/huge", test_huge);
    for (size_t i = 0; i < G_N_ELEMENTS(ints); i++) {
        g_autofree char *path = g_strdup_printf("/pack/int/%s", ints[i].name);
        g_test_add_data_func(path, &ints[i], test_int);
    }
    g_test_add_func("/pack/bool", test_bool);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *path = g_strdup_printf("/pack/text/%s", texts[i].name);
        g_test_add_data_func(path, &texts[i], test_text);
    }
    return g_test_run();
}
