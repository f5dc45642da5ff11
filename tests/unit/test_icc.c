/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/icc.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef enum { PARAMETRIC, TABLE, GAMMA } Curve;

typedef struct {
    const char *name;
    /* First number of the red primary; that of sRGB is 0.4361. */
    double red_x;
    /* Exponent of the curve; that of sRGB is 2.4. */
    double power;
    Curve curve;
    /* Colour space and connection space. */
    const char *space;
    /* Signature of one more tag, or NULL. */
    const char *extra;
    bool expected;
} Case;

static const Case cases[] = {
    {"parametric", 0.4361, 2.4, PARAMETRIC, "RGB XYZ ", NULL, true},
    {"table", 0.4361, 2.4, TABLE, "RGB XYZ ", NULL, true},
    {"other-rounding", 0.43607, 2.4, TABLE, "RGB XYZ ", NULL, true},
    {"display-p3", 0.5151, 2.4, PARAMETRIC, "RGB XYZ ", NULL, false},
    {"adobe", 0.6097, 2.2, GAMMA, "RGB XYZ ", NULL, false},
    {"gamma-2.2", 0.4361, 2.2, GAMMA, "RGB XYZ ", NULL, false},
    {"other-power", 0.4361, 2.38, PARAMETRIC, "RGB XYZ ", NULL, false},
    {"other-table", 0.4361, 2.38, TABLE, "RGB XYZ ", NULL, false},
    {"with-tables", 0.4361, 2.4, PARAMETRIC, "RGB XYZ ", "A2B0", false},
    {"grey", 0.4361, 2.4, PARAMETRIC, "GRAYXYZ ", NULL, false},
    {"lab", 0.4361, 2.4, PARAMETRIC, "RGB Lab ", NULL, false},
};

static void append_be32(GByteArray *bytes, uint32_t value)
{
    const uint8_t be[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                           (uint8_t)value};
    g_byte_array_append(bytes, be, 4);
}

static void append_fixed(GByteArray *bytes, double value)
{
    append_be32(bytes, (uint32_t)(int32_t)lrint(value * 65536));
}

static void append_text(GByteArray *bytes, const char *text)
{
    g_byte_array_append(bytes, (const guint8 *)text, (guint)strlen(text));
}

static void append_curve(GByteArray *bytes, const Case *row)
{
    append_text(bytes, row->curve == PARAMETRIC ? "para" : "curv");
    append_be32(bytes, 0);
    switch (row->curve) {
    case PARAMETRIC:
        append_be32(bytes, 3 << 16);
        append_fixed(bytes, row->power);
        append_fixed(bytes, 1 / 1.055);
        append_fixed(bytes, 0.055 / 1.055);
        append_fixed(bytes, 1 / 12.92);
        append_fixed(bytes, 0.04045);
        break;
    case TABLE:
        append_be32(bytes, 1024);
        for (int i = 0; i < 1024; i += 2) {
            uint32_t pair = 0;
            for (int j = i; j < i + 2; j++) {
                double x = j / 1023.0;
                double y = x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, row->power);
                pair = pair << 16 | (uint32_t)lrint(y * 65535);
            }
            append_be32(bytes, pair);
        }
        break;
    case GAMMA:
        append_be32(bytes, 1);
        append_be32(bytes, (uint32_t)lrint(row->power * 256) << 16);
        break;
    }
}

static GBytes *make_profile(const Case *row)
{
    const char *const tags[] = {"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", row->extra};
    const double xyz[3][3] = {
        {row->red_x, 0.2225, 0.0139}, {0.3851, 0.7169, 0.0971}, {0.1431, 0.0606, 0.7141}};
    uint32_t n = row->extra != NULL ? 7 : 6, colorants = 132 + 12 * n, curve = colorants + 60;
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_set_size(bytes, 128);
    memset(bytes->data, 0, 128);
    memcpy(bytes->data + 16, row->space, 8);
    append_be32(bytes, n);
    for (uint32_t i = 0; i < n; i++) {
        append_text(bytes, tags[i]);
        append_be32(bytes, i < 3 ? colorants + 20 * i : curve);
        append_be32(bytes, i < 3                 ? 20
                           : row->curve == TABLE ? 12 + 2048
                           : row->curve == GAMMA ? 16
                                                 : 32);
    }
    for (int i = 0; i < 3; i++) {
        append_text(bytes, "XYZ ");
        append_be32(bytes, 0);
        for (int j = 0; j < 3; j++)
            append_fixed(bytes, xyz[i][j]);
    }
    append_curve(bytes, row);
    return g_byte_array_free_to_bytes(bytes);
}

static bool is_srgb(const void *data, size_t size)
{
    /* A sanitizer detects each read beyond the copy. */
    g_autofree void *copy = g_memdup2(data, size);
    return icc_is_srgb(copy, size);
}

static void test_profile(const void *data)
{
    const Case *row = data;
    g_autoptr(GBytes) profile = make_profile(row);
    size_t size;
    const void *bytes = g_bytes_get_data(profile, &size);
    g_assert_cmpint(is_srgb(bytes, size), ==, row->expected);
}

/* The check accepts any bytes. A profile that is cut off is refused. */
static void test_mangled(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    for (size_t at = 0; at < 2; at++) {
        g_autoptr(GBytes) profile = make_profile(&cases[at]);
        size_t size;
        const void *bytes = g_bytes_get_data(profile, &size);
        for (size_t len = 0; len < size; len++)
            g_assert_false(is_srgb(bytes, len));
        int accepted = 0;
        for (int i = 0; i < 3000; i++) {
            g_autofree uint8_t *copy = g_memdup2(bytes, size);
            for (int j = 0; j < 5; j++)
                copy[g_rand_int_range(random, 128, 290)] = (uint8_t)g_rand_int(random);
            accepted += is_srgb(copy, size);
        }
        g_assert_cmpint(accepted, <, 1500);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/icc/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_profile);
    }
    g_test_add_func("/icc/mangled", test_mangled);
    return g_test_run();
}
