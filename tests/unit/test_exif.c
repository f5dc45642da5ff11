/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "formats/exif.h"

#include <glib.h>
#include <libexif/exif-data.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    ExifIfd ifd;
    ExifTag tag;
    const char *text;
} Text;

typedef struct {
    const char *name;
    /* Orientation to write; 0: none. */
    int orientation;
    Text texts[4];
    int expected_orientation;
    /* Expected date, with its offset if that is known; NULL: none. */
    const char *date;
} Case;

#define ORIGINAL(text)                                                                             \
    {                                                                                              \
        EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_ORIGINAL, text                                           \
    }
#define ORIGINAL_OFFSET(text)                                                                      \
    {                                                                                              \
        EXIF_IFD_EXIF, EXIF_TAG_OFFSET_TIME_ORIGINAL, text                                         \
    }
#define DIGITIZED(text)                                                                            \
    {                                                                                              \
        EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_DIGITIZED, text                                          \
    }
#define CHANGED(text)                                                                              \
    {                                                                                              \
        EXIF_IFD_0, EXIF_TAG_DATE_TIME, text                                                       \
    }

static const Case cases[] = {
    {"nothing", 0, {{0}}, 1, NULL},
    {"orientation-6", 6, {{0}}, 6, NULL},
    {"orientation-9", 9, {{0}}, 1, NULL},
    {"orientation-0xff06", 0xff06, {{0}}, 1, NULL},
    {"original", 1, {ORIGINAL("2024:02:29 23:59:58")}, 1, "2024-02-29T23:59:58"},
    {"offset-east",
     1,
     {ORIGINAL("2024:01:01 01:00:00"), ORIGINAL_OFFSET("+02:00")},
     1,
     "2024-01-01T01:00:00+02:00"},
    {"offset-west",
     1,
     {ORIGINAL("2024:01:01 01:00:00"), ORIGINAL_OFFSET("-09:30")},
     1,
     "2024-01-01T01:00:00-09:30"},
    {"offset-z",
     1,
     {ORIGINAL("2024:01:01 01:00:00"), ORIGINAL_OFFSET("Z")},
     1,
     "2024-01-01T01:00:00Z"},
    {"offset-nonsense",
     1,
     {ORIGINAL("2024:01:01 01:00:00"), ORIGINAL_OFFSET("+2h")},
     1,
     "2024-01-01T01:00:00"},
    {"digitized",
     1,
     {DIGITIZED("2001:02:03 04:05:06"), CHANGED("2020:01:01 00:00:00")},
     1,
     "2001-02-03T04:05:06"},
    {"changed", 1, {CHANGED("2020:01:01 00:00:00")}, 1, "2020-01-01T00:00:00"},
    {"original-blank",
     1,
     {ORIGINAL("    :  :     :  :  "), CHANGED("2020:01:01 00:00:00")},
     1,
     "2020-01-01T00:00:00"},
    {"zeros", 1, {ORIGINAL("0000:00:00 00:00:00")}, 1, NULL},
    {"no-such-day", 1, {ORIGINAL("2023:02:29 00:00:00")}, 1, NULL},
    {"no-such-hour", 1, {ORIGINAL("2023:02:28 24:00:00")}, 1, NULL},
    {"leap-second", 1, {ORIGINAL("2016:12:31 23:59:60")}, 1, "2016-12-31T23:59:59"},
    {"short", 1, {ORIGINAL("2023:02:28")}, 1, NULL},
    {"no-seconds", 1, {ORIGINAL("2023:02:28 11:22")}, 1, "2023-02-28T11:22:00"},
    {"blanks", 1, {ORIGINAL("2023: 2: 8  1: 2: 3")}, 1, "2023-02-08T01:02:03"},
    {"blank-year", 1, {ORIGINAL("    :02:28 11:22:33")}, 1, NULL},
    {"zone-in-text", 1, {ORIGINAL("2023:02:28 11:22:33-09:30")}, 1, "2023-02-28T11:22:33-09:30"},
    {"zone-short", 1, {ORIGINAL("2023:02:28 11:22:33 +0200")}, 1, "2023-02-28T11:22:33+02:00"},
    {"zone-nonsense", 1, {ORIGINAL("2023:02:28 11:22:33+99:00")}, 1, "2023-02-28T11:22:33"},
    {"zone-tag-decides",
     1,
     {ORIGINAL("2023:02:28 11:22:33Z"), ORIGINAL_OFFSET("+02:00")},
     1,
     "2023-02-28T11:22:33+02:00"},
    {"iso-separators", 1, {ORIGINAL("2023-02-28T11:22:33")}, 1, "2023-02-28T11:22:33"},
    {"last-year", 1, {ORIGINAL("9999:12:31 23:59:59"), ORIGINAL_OFFSET("-12:00")}, 1, NULL},
};

static void add_entry(ExifData *exif, ExifIfd ifd, ExifTag tag, ExifFormat format,
                      const void *bytes, size_t size, unsigned long components)
{
    ExifEntry *entry = exif_entry_new();
    entry->tag = tag;
    entry->format = format;
    entry->components = components;
    entry->size = (unsigned)size;
    /* libexif frees the data. */
    entry->data = malloc(size);
    g_assert_nonnull(entry->data);
    memcpy(entry->data, bytes, size);
    exif_content_add_entry(exif->ifd[ifd], entry);
    exif_entry_unref(entry);
}

/* Makes a block as a camera writes it. */
static uint8_t *make_block(const Case *row, ExifByteOrder order, size_t *ret_size)
{
    ExifData *exif = exif_data_new();
    exif_data_set_byte_order(exif, order);
    if (row->orientation != 0) {
        unsigned char bytes[2];
        exif_set_short(bytes, order, (ExifShort)row->orientation);
        add_entry(exif, EXIF_IFD_0, EXIF_TAG_ORIENTATION, EXIF_FORMAT_SHORT, bytes, 2, 1);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(row->texts) && row->texts[i].text != NULL; i++) {
        const Text *text = &row->texts[i];
        size_t size = strlen(text->text) + 1;
        add_entry(exif, text->ifd, text->tag, EXIF_FORMAT_ASCII, text->text, size, size);
    }
    unsigned char *data = NULL;
    unsigned size = 0;
    exif_data_save_data(exif, &data, &size);
    exif_data_unref(exif);
    g_assert_nonnull(data);
    uint8_t *block = g_memdup2(data, size);
    free(data);
    *ret_size = size;
    return block;
}

static void check(const Case *row, const void *data, size_t size)
{
    ExifFacts facts;
    exif_read(data, size, &facts);
    g_assert_cmpint(facts.orientation, ==, row->expected_orientation);
    g_assert_cmpint(facts.has_date, ==, row->date != NULL);
    if (row->date != NULL) {
        char text[CLOCK_TEXT_MAX];
        g_assert_cmpstr(
            clock_format_wall(facts.date.us, facts.date.has_offset, facts.date.offset_min, text),
            ==, row->date);
    }
}

static void test_read(const void *data)
{
    const ExifByteOrder orders[] = {EXIF_BYTE_ORDER_INTEL, EXIF_BYTE_ORDER_MOTOROLA};
    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        size_t size;
        g_autofree uint8_t *block = make_block(data, orders[i], &size);
        check(data, block, size);
        /* PNG, WebP and HEIF have the block without the prefix. */
        check(data, block + 6, size - 6);
    }
}

/* The reader accepts any bytes. */
static void test_mangled(void)
{
    size_t size;
    g_autofree uint8_t *block = make_block(&cases[5], EXIF_BYTE_ORDER_INTEL, &size);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    ExifFacts facts;
    for (size_t len = 0; len < size; len++) {
        g_autofree uint8_t *cut = g_memdup2(block, len);
        exif_read(cut, len, &facts);
        g_assert_cmpint(facts.orientation, >=, 1);
    }
    for (int i = 0; i < 2000; i++) {
        g_autofree uint8_t *copy = g_memdup2(block, size);
        for (int j = 0; j < 4; j++)
            copy[g_rand_int_range(random, 0, (gint32)size)] = (uint8_t)g_rand_int(random);
        exif_read(copy, size, &facts);
        g_assert_cmpint(facts.orientation, >=, 1);
        g_assert_cmpint(facts.orientation, <=, 8);
    }
}

static void put(GByteArray *file, bool big, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        guint8 byte = (guint8)(value >> 8 * (big ? n - 1 - i : i));
        g_byte_array_append(file, &byte, 1);
    }
}

static void put_entry(GByteArray *file, bool big, unsigned tag, unsigned type, unsigned n,
                      unsigned value)
{
    put(file, big, tag, 2);
    put(file, big, type, 2);
    put(file, big, n, 4);
    put(file, big, value, 4);
}

/* Makes the directory of a picture with DateTime, and an EXIF directory if `original` is given. */
static GByteArray *make_tiff(bool big, const char *changed, const char *original,
                             const char *offset)
{
    GByteArray *file = g_byte_array_new();
    const char *texts[] = {changed, original ? original : "", offset ? offset : ""};
    unsigned places[3], at = 8;

    for (size_t i = 0; i < 3; i++) {
        places[i] = at;
        at += 20;
    }
    g_byte_array_append(file, (const guint8 *)(big ? "MM" : "II"), 2);
    put(file, big, 42, 2);
    put(file, big, at, 4);
    for (size_t i = 0; i < 3; i++) {
        char text[20] = "";
        g_strlcpy(text, texts[i], sizeof text);
        g_byte_array_append(file, (const guint8 *)text, sizeof text);
    }
    put(file, big, original ? 2 : 1, 2);
    put_entry(file, big, 0x0132, 2, 20, places[0]);
    if (original)
        put_entry(file, big, 0x8769, 4, 1, at + 2 + 24 + 4);
    put(file, big, 0, 4);
    put(file, big, offset ? 2 : 1, 2);
    put_entry(file, big, 0x9003, 2, 20, places[1]);
    if (offset)
        put_entry(file, big, 0x9011, 2, 7, places[2]);
    put(file, big, 0, 4);
    return file;
}

static void assert_tiff(const GByteArray *file, const char *expected)
{
    char text[CLOCK_TEXT_MAX];
    ExifFacts facts;

    exif_read_tiff(file->data, file->len, &facts);
    g_assert_true(facts.has_date);
    g_assert_cmpstr(
        clock_format_wall(facts.date.us, facts.date.has_offset, facts.date.offset_min, text), ==,
        expected);
}

static void test_tiff(void)
{
    for (int big = 0; big < 2; big++) {
        g_autoptr(GByteArray) both =
            make_tiff(big, "2020:01:01 00:00:00", "2015:05:05 05:05:05", NULL);
        g_autoptr(GByteArray) zone =
            make_tiff(big, "2020:01:01 00:00:00", "2015:05:05 05:05:05", "+09:00");
        g_autoptr(GByteArray) alone = make_tiff(big, "2020:01:01 00:00:00", NULL, NULL);
        assert_tiff(both, "2015-05-05T05:05:05");
        assert_tiff(zone, "2015-05-05T05:05:05+09:00");
        assert_tiff(alone, "2020-01-01T00:00:00");
        /* With any cut of the block, and any changed byte, the reader does not go beyond
         * the end. */
        for (guint len = 0; len < both->len; len++) {
            g_autofree uint8_t *cut = g_memdup2(both->data, len);
            ExifFacts facts;
            exif_read_tiff(cut, len, &facts);
        }
        for (guint i = 0; i < both->len; i++) {
            g_autofree uint8_t *copy = g_memdup2(both->data, both->len);
            ExifFacts facts;
            copy[i] ^= 0xff;
            exif_read_tiff(copy, both->len, &facts);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/exif/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_read);
    }
    g_test_add_func("/exif/mangled", test_mangled);
    g_test_add_func("/exif/tiff", test_tiff);
    return g_test_run();
}
