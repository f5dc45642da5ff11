/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_layout.h"

#include <glib.h>
#include <string.h>

#define REDUCED 1
#define FILTER  32803 /* camera raw */

/* A directory as a row of a test. */
typedef struct {
    uint32_t subfile, width, height, photometric;
    /* Of the rows, the first one below this directory, and their number. */
    int below, n_below;
    /* The next page; 0: none. */
    int next;
} Row;

#define ENTRIES         6
#define DIRECTORY_BYTES (2 + 12 * ENTRIES + 4)

static uint32_t place_of(int row)
{
    return 8 + (uint32_t)row * DIRECTORY_BYTES;
}

static void put(GByteArray *out, uint32_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);
        g_byte_array_append(out, &byte, 1);
    }
}

static void put_entry(GByteArray *out, uint32_t tag, uint32_t type, uint32_t n, uint32_t value)
{
    put(out, tag, 2);
    put(out, type, 2);
    put(out, n, 4);
    put(out, value, 4);
}

/* A classic file, little-endian. The places of directories below others stand behind all rows. */
static GByteArray *make(const Row *rows, int n)
{
    GByteArray *out = g_byte_array_new(), *places = g_byte_array_new();
    put(out, 'I' | 'I' << 8 | 42 << 16, 4);
    put(out, 8, 4);
    for (int i = 0; i < n; i++) {
        const Row *row = &rows[i];
        uint32_t list = place_of(n) + places->len;
        put(out, ENTRIES, 2);
        put_entry(out, 254, 4, 1, row->subfile);
        put_entry(out, 256, 4, 1, row->width);
        put_entry(out, 257, 4, 1, row->height);
        put_entry(out, 258, 3, 1, 8);
        put_entry(out, 262, 3, 1, row->photometric);
        put_entry(out, row->n_below > 0 ? 330 : 65000, 4, (uint32_t)row->n_below,
                  row->n_below == 1 ? place_of(row->below) : list);
        put(out, row->next > 0 ? place_of(row->next) : 0, 4);
        for (int j = 0; row->n_below > 1 && j < row->n_below; j++)
            put(places, place_of(row->below + j), 4);
    }
    g_byte_array_append(out, places->data, places->len);
    g_byte_array_unref(places);
    return out;
}

typedef struct {
    const char *name;
    Row rows[5];
    int n;
    /* The row that is chosen, and how it is found. */
    int chosen, page, below, n_pages;
} Case;

static const Case cases[] = {
    {"one", {{0, 9, 9, 2, 0, 0, 0}}, 1, 0, 0, -1, 1},
    /* The first full picture is shown, also if a later one is larger. */
    {"first", {{0, 9, 9, 2, 0, 0, 1}, {0, 99, 99, 2, 0, 0, 0}}, 2, 0, 0, -1, 2},
    {"reduced-first", {{REDUCED, 9, 9, 2, 0, 0, 1}, {0, 99, 99, 2, 0, 0, 0}}, 2, 1, 1, -1, 2},
    {"largest-full",
     {{REDUCED, 99, 99, 2, 0, 0, 1}, {0, 10, 10, 2, 0, 0, 2}, {0, 20, 10, 2, 0, 0, 0}},
     3,
     2,
     2,
     -1,
     3},
    {"all-reduced", {{REDUCED, 9, 9, 2, 0, 0, 1}, {REDUCED, 10, 9, 2, 0, 0, 0}}, 2, 1, 1, -1, 2},
    {"below", {{REDUCED, 9, 9, 2, 1, 1, 0}, {0, 99, 99, 2, 0, 0, 0}}, 2, 1, 0, 0, 1},
    {"second-below",
     {{REDUCED, 9, 9, 2, 1, 2, 0}, {0, 99, 99, FILTER, 0, 0, 0}, {0, 50, 50, 2, 0, 0, 0}},
     3,
     2,
     0,
     1,
     1},
    {"raw-alone", {{0, 99, 99, FILTER, 0, 0, 0}}, 1, 0, 0, -1, 1},
    {"no-width", {{0, 0, 99, 2, 0, 0, 1}, {0, 10, 10, 2, 0, 0, 0}}, 2, 1, 1, -1, 2},
    /* The chain comes back to the first directory. */
    {"loop",
     {{REDUCED, 9, 9, 2, 0, 0, 1}, {0, 9, 9, 2, 0, 0, 2}, {REDUCED, 1, 1, 2, 0, 0, 1}},
     3,
     1,
     1,
     -1,
     3},
};

static void test_choice(const void *data)
{
    const Case *row = data;
    g_autoptr(GByteArray) file = make(row->rows, row->n);
    Tiff tiff;
    TiffChoice choice;
    g_assert_true(tiff_open(file->data, file->len, &tiff));
    tiff_choose(&tiff, &choice);
    g_assert_cmpint(choice.at, ==, place_of(row->chosen));
    g_assert_cmpint(choice.page, ==, row->page);
    g_assert_cmpint(choice.below, ==, row->below);
    g_assert_cmpint(choice.n_pages, ==, row->n_pages);
    g_assert_cmpint(choice.layout.width, ==, row->rows[row->chosen].width);
    /* Cut anywhere, and alone in memory. */
    for (guint size = 8; size < file->len; size++) {
        g_autofree uint8_t *cut = g_memdup2(file->data, size);
        g_assert_true(tiff_open(cut, size, &tiff));
        tiff_choose(&tiff, &choice);
        g_assert_cmpint(choice.at, <, G_MAXUINT32);
    }
}

typedef struct {
    const char *name;
    uint64_t bits, samples, format, photometric, compression, planar;
    bool is_tiled, is_mixed, is_common;
} Kind;

static const Kind kinds[] = {
    {"rgb", 8, 3, 1, 2, 1, 1, false, false, true},
    {"rgb-16", 16, 3, 1, 2, 1, 1, false, false, true},
    {"rgb-12", 12, 3, 1, 2, 1, 1, false, false, false},
    {"rgb-32", 32, 3, 1, 2, 1, 1, false, false, false},
    {"float", 32, 3, 3, 2, 1, 1, false, false, true},
    {"float-white-is-zero", 32, 1, 3, 0, 1, 1, false, false, false},
    {"float-64", 64, 3, 3, 2, 1, 1, false, false, false},
    {"signed", 8, 3, 2, 2, 1, 1, false, false, false},
    {"undefined", 8, 3, 4, 2, 1, 1, false, false, true},
    {"mixed", 8, 3, 1, 2, 1, 1, false, true, false},
    {"planes", 8, 3, 1, 2, 1, 2, false, false, true},
    {"tiles-in-planes", 8, 3, 1, 2, 1, 2, true, false, false},
    {"grey-alpha-planes", 8, 2, 1, 1, 1, 2, false, false, false},
    {"grey-alpha", 8, 2, 1, 1, 1, 1, false, false, true},
    {"grey-plane", 8, 1, 1, 1, 1, 2, false, false, true},
    {"bilevel", 1, 1, 1, 0, 1, 1, false, false, true},
    {"grey-4", 4, 1, 1, 1, 1, 1, false, false, true},
    {"grey-4-alpha", 4, 2, 1, 1, 1, 1, false, false, false},
    {"palette", 8, 1, 1, 3, 1, 1, false, false, true},
    {"palette-16", 16, 1, 1, 3, 1, 1, false, false, false},
    {"ycbcr", 8, 3, 1, 6, 1, 1, false, false, false},
    {"ycbcr-jpeg", 8, 3, 1, 6, 7, 1, false, false, true},
    {"old-jpeg", 8, 3, 1, 2, 6, 1, false, false, false},
    {"unsaid", 8, 3, 1, 2, 1, 1, false, false, false},
    {"lab", 8, 3, 1, 8, 1, 1, false, false, true},
    {"lab-16", 16, 3, 1, 8, 1, 1, false, false, true},
    {"lab-alpha", 8, 4, 1, 8, 1, 1, false, false, false},
    {"lab-planes", 8, 3, 1, 8, 1, 2, false, false, false},
    {"lab-float", 32, 3, 3, 8, 1, 1, false, false, true},
    {"lab-float-64", 64, 3, 3, 8, 1, 1, false, false, false},
    {"lab-float-alpha", 32, 4, 3, 8, 1, 1, false, false, false},
    {"lab-32", 32, 3, 1, 8, 1, 1, false, false, false},
    {"lab-32-signed", 32, 3, 2, 8, 1, 1, false, false, false},
    {"log", 8, 3, 1, 32845, 1, 1, false, false, false},
};

static void test_kinds(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const Kind *kind = &kinds[i];
        const TiffLayout layout = {.width = 9,
                                   .height = 9,
                                   .bits = kind->bits,
                                   .samples = kind->samples,
                                   .format = kind->format,
                                   .photometric = kind->photometric,
                                   .compression = kind->compression,
                                   .planar = kind->planar,
                                   .is_tiled = kind->is_tiled,
                                   .is_mixed = kind->is_mixed,
                                   .has_photometric = strcmp(kind->name, "unsaid") != 0};
        g_test_message("%s", kind->name);
        g_assert_cmpint(tiff_layout_is_common(&layout), ==, kind->is_common);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/tiff-layout/choice/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_choice);
    }
    g_test_add_func("/tiff-layout/kinds", test_kinds);
    return g_test_run();
}
