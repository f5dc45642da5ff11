/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_blocks.h"

#include "base/error.h"
#include "formats/tiff_layout.h"

#include <string.h>

#define SHORT 3
#define LONG  4
#define LONG8 16

typedef struct {
    /* Tag; 0 ends the list. */
    uint16_t tag;
    uint16_t type;
    uint64_t value;
} Entry;

typedef struct {
    const char *name;
    Entry entries[10];
    /* Part of the error; NULL: the file passes. */
    const char *message;
} Case;

#define SIZE(width, height)                                                                        \
    {256, LONG, width},                                                                            \
    {                                                                                              \
        257, LONG, height                                                                          \
    }
#define TILE(width, height)                                                                        \
    {322, LONG, width},                                                                            \
    {                                                                                              \
        323, LONG, height                                                                          \
    }
#define ROWS(rows)                                                                                 \
    {                                                                                              \
        278, LONG, rows                                                                            \
    }
#define PLANES(n)                                                                                  \
    {277, SHORT, n},                                                                               \
    {                                                                                              \
        284, SHORT, 2                                                                              \
    }
#define TILES_REFUSED(tiles) #tiles " tiles, the limit is 65536"

static const Case cases[] = {
    {"nothing", {{0}}, NULL},
    {"size-only", {SIZE(60000, 60000)}, NULL},
    {"others-only", {{258, SHORT, 8}, {259, SHORT, 1}}, NULL},
    /* Files as programs write them. */
    {"a-row-a-strip", {SIZE(12240, 12240), ROWS(1)}, NULL},
    {"a-row-a-strip-in-planes", {SIZE(12240, 12240), ROWS(1), PLANES(4)}, NULL},
    {"a-row-a-strip-tall", {SIZE(1000, 150000), ROWS(1)}, NULL},
    {"tiles-of-256", {SIZE(12240, 12240), TILE(256, 256)}, NULL},
    {"tiles-of-64", {SIZE(12240, 12240), TILE(64, 64)}, NULL},
    {"tiles-of-64-wide", {SIZE(60000, 2500), TILE(64, 64)}, NULL},
    {"tiles-with-rows", {SIZE(12240, 12240), TILE(256, 256), ROWS(1), PLANES(60000)}, NULL},
    {"rows-without-end", {SIZE(12240, 12240), ROWS(UINT32_MAX)}, NULL},
    /* Files at the limits. */
    {"most-strips", {SIZE(1, 1 << 18), ROWS(1)}, NULL},
    {"more-strips", {SIZE(1, (1 << 18) + 1), ROWS(1)}, "262145 strips, the limit is 262144"},
    {"more-strips-of-two", {SIZE(1, (2 << 18) + 1), ROWS(2)}, "262145 strips"},
    {"most-strips-in-planes", {SIZE(1, 1 << 16), ROWS(1), PLANES(4)}, NULL},
    {"more-strips-in-planes", {SIZE(1, (1 << 16) + 1), ROWS(1), PLANES(4)}, "262148 strips"},
    {"strips-together", {SIZE(1, 1 << 17), ROWS(1), {277, SHORT, 4}, {284, SHORT, 1}}, NULL},
    {"most-tiles", {SIZE(4096, 4096), TILE(16, 16)}, NULL},
    {"more-tiles", {SIZE(4097, 4096), TILE(16, 16)}, TILES_REFUSED(65792)},
    {"tiles-of-16", {SIZE(12240, 12240), TILE(16, 16)}, TILES_REFUSED(585225)},
    {"tiles-of-one-pixel", {SIZE(12240, 12240), TILE(1, 1)}, "tiles"},
    {"most-tiles-in-a-row", {SIZE(32768, 256), TILE(16, 16)}, NULL},
    {"more-tiles-in-a-row", {SIZE(32784, 256), TILE(16, 16)}, "with 2049 in a row"},
    {"tiles-in-one-row", {SIZE(1 << 20, 16), TILE(16, 16)}, "65536 tiles with 65536 in a row"},
    /* Files with entries of other types, and with several entries of one tag. */
    {"short",
     {{256, SHORT, 12240}, {257, SHORT, 12240}, {322, SHORT, 16}, {323, SHORT, 16}},
     TILES_REFUSED(585225)},
    {"byte", {SIZE(12240, 12240), {322, 1, 16}, {323, 1, 16}}, TILES_REFUSED(585225)},
    {"signed",
     {{256, 9, 12240}, {257, 9, 12240}, {322, 6, 16}, {323, 8, 16}},
     TILES_REFUSED(585225)},
    {"long8",
     {{256, LONG8, 12240}, {257, LONG8, 12240}, {322, LONG8, 16}, {323, LONG8, 16}},
     TILES_REFUSED(585225)},
    {"ascii", {SIZE(12240, 12240), {322, 2, 16}, {323, 2, 16}}, NULL},
    {"large-tiles-said-again",
     {SIZE(12240, 12240), TILE(16, 16), TILE(256, 256)},
     TILES_REFUSED(585225)},
    {"small-tiles-said-again",
     {SIZE(12240, 12240), TILE(256, 256), TILE(16, 16)},
     TILES_REFUSED(585225)},
    {"no-overflow", {{256, LONG8, UINT64_MAX}, {257, LONG8, UINT64_MAX}, TILE(2, 2)}, "tiles"},
    {"tiles-of-nothing", {SIZE(12240, 12240), TILE(0, 0)}, NULL},
};

typedef struct {
    bool big_endian, big_tiff;
} Form;

static void put(GByteArray *out, Form form, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * (form.big_endian ? n - 1 - i : i));
        g_byte_array_append(out, &byte, 1);
    }
}

static size_t bytes_of(uint16_t type)
{
    return type == LONG8 ? 8 : type == LONG || type == 9 ? 4 : type == SHORT || type == 8 ? 2 : 1;
}

/* Writes an entry. A value fills its field from the left; in a classic file, a value of 8 bytes is
 * behind the directory. */
static void put_entry(GByteArray *out, GByteArray *behind, Form form, const Entry *entry,
                      size_t end)
{
    size_t room = form.big_tiff ? 8 : 4, n = bytes_of(entry->type);
    put(out, form, entry->tag, 2);
    put(out, form, entry->type, 2);
    put(out, form, 1, room);
    if (n > room) {
        put(out, form, end + behind->len, room);
        put(behind, form, entry->value, n);
    } else {
        put(out, form, entry->value, n);
        put(out, form, 0, room - n);
    }
}

static GByteArray *make(const Case *row, Form form)
{
    GByteArray *out = g_byte_array_new();
    g_autoptr(GByteArray) behind = g_byte_array_new();
    size_t n = 0, word = form.big_tiff ? 8 : 4;
    while (row->entries[n].tag != 0)
        n++;
    g_byte_array_append(out, (const uint8_t *)(form.big_endian ? "MM" : "II"), 2);
    put(out, form, form.big_tiff ? 43 : 42, 2);
    if (form.big_tiff) {
        /* Bytes of an offset in the file. */
        put(out, form, 8, 2);
        put(out, form, 0, 2);
    }
    put(out, form, 2 * word, word);
    put(out, form, n, form.big_tiff ? 8 : 2);
    size_t end = out->len + n * (form.big_tiff ? 20 : 12) + word;
    for (size_t i = 0; i < n; i++)
        put_entry(out, behind, form, &row->entries[i], end);
    put(out, form, 0, word);
    g_byte_array_append(out, behind->data, behind->len);
    return out;
}

/* The file is alone in memory, so that a sanitizer detects each read beyond it. */
static bool check(const uint8_t *bytes, size_t size, GError **error)
{
    g_autofree void *copy = g_memdup2(bytes, size);
    Tiff tiff;
    TiffChoice choice;
    if (!tiff_open(copy, size, &tiff))
        return true;
    tiff_choose(&tiff, &choice);
    return tiff_blocks_check(&tiff, choice.at, error);
}

static void test_case(const void *data)
{
    const Case *row = data;
    for (int i = 0; i < 4; i++) {
        g_autoptr(GByteArray) file = make(row, (Form){i & 1, i & 2});
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(check(file->data, file->len, &error), ==, row->message == NULL);
        if (row->message == NULL)
            continue;
        g_assert_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS);
        if (strstr(error->message, row->message) == NULL)
            g_error("'%s' is not in: %s", row->message, error->message);
    }
}

/* With any cut of the file, and any changed bytes, the reader does not go beyond the end,
 * and its answers agree. */
static void test_noise(void)
{
    for (unsigned i = 0; i < 4000; i++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(i);
        g_autoptr(GByteArray) file = make(&cases[i % G_N_ELEMENTS(cases)], (Form){i & 1, i & 2});
        for (int changes = 0; changes < 3; changes++) {
            guint at = (guint)g_rand_int_range(random, 2, (gint)file->len);
            file->data[at] = (uint8_t)g_rand_int_range(random, 0, 256);
        }
        g_autoptr(GError) error = NULL;
        size_t size = (size_t)g_rand_int_range(random, 0, (gint)file->len + 1);
        g_assert_cmpint(check(file->data, size, &error), ==, error == NULL);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/tiff-blocks/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/tiff-blocks/noise", test_noise);
    return g_test_run();
}
