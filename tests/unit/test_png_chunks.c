/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/png_chunks.h"

#include <glib.h>
#include <string.h>

#define SIGNATURE "\x89PNG\r\n\x1a\n"

/* Adds a chunk. Checksums are not looked at. */
static void add(GByteArray *file, const char *kind, const void *body, size_t size)
{
    const uint8_t length[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                               (uint8_t)size};
    g_byte_array_append(file, length, 4);
    g_byte_array_append(file, (const uint8_t *)kind, 4);
    g_byte_array_append(file, body, (guint)size);
    g_byte_array_append(file, (const uint8_t *)"\0\0\0\0", 4);
}

static GByteArray *begin(void)
{
    GByteArray *file = g_byte_array_new();
    g_byte_array_append(file, (const uint8_t *)SIGNATURE, 8);
    add(file, "IHDR", "\0\0\0\1\0\0\0\1\x08\2\0\0\0", 13);
    return file;
}

static GByteArray *begin_pixels(void)
{
    GByteArray *file = begin();
    add(file, "IDAT", "pixels", 6);
    return file;
}

#define GAMMA "\0\1\x86\xa0" /* 1.0 */
#define EXIF  "II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
#define PLACES                                                                                     \
    "\0\0\x7a\x26\0\0\x80\x84\0\1\x09\xa0\0\0\x7d\0\0\0\x67\x84\0\1\x0d\x88\0\0\x3a\x98\0\0\x17"   \
    "\x70"
#define LITERAL(text) text, sizeof(text) - 1

/* The chunks that tell about colours count in front of the pixels only, as PNG has them there. */
static void test_colors_stand_first(void)
{
    ColorTags tags;
    g_autoptr(GByteArray) first = begin();
    add(first, "gAMA", LITERAL(GAMMA));
    add(first, "cHRM", LITERAL(PLACES));
    add(first, "IDAT", "x", 1);
    /* Behind the pixels, neither of them hides the gamma. */
    add(first, "sRGB", "\0", 1);
    add(first, "iCCP", "x", 1);
    add(first, "cICP", "\x0c\x0d\0\1", 4);
    g_assert_true(png_colors(first->data, first->len, &tags));
    g_assert_cmpfloat_with_epsilon(tags.gamma, 1.0, 1e-6);
    g_assert_true(tags.has_places);
    g_assert_cmpfloat_with_epsilon(tags.places[0], 0.31270, 1e-6);

    g_autoptr(GByteArray) late = begin_pixels();
    add(late, "gAMA", LITERAL(GAMMA));
    add(late, "cHRM", LITERAL(PLACES));
    add(late, "cICP", "\x0c\x0d\0\1", 4);
    g_assert_false(png_colors(late->data, late->len, &tags));
}

static void test_code_points(void)
{
    static const struct {
        const char *points;
        bool is_taken;
    } rows[] = {
        {"\x0c\x0d\0\1", true}, {"\x09\x10\0\1", true}, {"\2\2\0\1", false}, {"\0\0\0\1", false}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        ColorTags tags;
        g_autoptr(GByteArray) file = begin();
        add(file, "cICP", rows[i].points, 4);
        g_assert_cmpint(png_colors(file->data, file->len, &tags), ==, rows[i].is_taken);
        if (rows[i].is_taken)
            g_assert_cmpint(tags.primaries, ==, rows[i].points[0]);
    }
}

static void test_profile_hides_gamma(void)
{
    static const char *const kinds[] = {"iCCP", "sRGB"};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        ColorTags tags;
        g_autoptr(GByteArray) file = begin();
        add(file, "gAMA", LITERAL(GAMMA));
        add(file, kinds[i], "\0", 1);
        g_assert_false(png_colors(file->data, file->len, &tags));
    }
}

/* EXIF, texts and the time may stand behind the pixels, but the end of the file is the end. */
static void test_end_is_the_end(void)
{
    static const char date[] = "Creation Time\0"
                               "2015:05:05 05:05:05";
    static const char xmp[] = "XML:com.adobe.xmp\0\0\0\0\0<x/>";
    static const uint8_t time[] = {7, 223, 5, 5, 5, 5, 5};
    for (int ended = 0; ended < 2; ended++) {
        ExifFacts exif;
        PictureDate when;
        g_autoptr(GByteArray) file = begin_pixels();
        if (ended)
            add(file, "IEND", "", 0);
        add(file, "eXIf", LITERAL(EXIF));
        add(file, "tIME", time, sizeof time);
        add(file, "tEXt", date, sizeof date - 1);
        add(file, "iTXt", xmp, sizeof xmp - 1);
        g_assert_cmpint(png_exif(file->data, file->len, &exif), ==, !ended);
        g_assert_cmpint(png_date(file->data, file->len, &when), ==, !ended);
        g_autoptr(GBytes) found = png_xmp(file->data, file->len);
        g_assert_cmpint(found != NULL, ==, !ended);
        if (!ended) {
            g_assert_cmpint(exif.orientation, ==, 6);
            g_assert_cmpmem(g_bytes_get_data(found, NULL), g_bytes_get_size(found), "<x/>", 4);
            g_assert_false(when.has_offset);
        }
    }
}

/* The time of the last change counts if there is no date of a text. */
static void test_time(void)
{
    static const struct {
        uint8_t bytes[8];
        size_t size;
        bool is_date;
    } rows[] = {
        {{7, 223, 5, 5, 5, 5, 5}, 7, true},
        /* A leap second. */
        {{7, 223, 6, 30, 23, 59, 60}, 7, true},
        {{7, 223, 13, 5, 5, 5, 5}, 7, false},
        {{7, 223, 2, 30, 5, 5, 5}, 7, false},
        {{7, 223, 5, 5, 5, 5, 5}, 6, false},
        {{7, 223, 5, 5, 5, 5, 5}, 8, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        PictureDate date;
        g_autoptr(GByteArray) file = begin();
        add(file, "tIME", rows[i].bytes, rows[i].size);
        g_assert_cmpint(png_date(file->data, file->len, &date), ==, rows[i].is_date);
        if (rows[i].is_date)
            g_assert_true(date.has_offset);
    }
}

/* More chunks than any encoder writes are not searched. */
static void test_chunks_without_end(void)
{
    for (size_t more = 0; more < 2; more++) {
        ExifFacts exif;
        g_autoptr(GByteArray) file = begin();
        for (size_t i = 1; i < PNG_CHUNKS_MAX - 1 + more; i++)
            add(file, "IDAT", "", 0);
        add(file, "eXIf", LITERAL(EXIF));
        g_assert_cmpint(png_exif(file->data, file->len, &exif), ==, more == 0);
    }
}

/* Damaged data are inflated as far as they go. */
static void test_deflated_xmp(void)
{
    static const char head[] = "XML:com.adobe.xmp\0\1\0\0";
    /* Of "<x/>", by zlib. */
    static const uint8_t plain[] = {0x78, 0x9c, 0xb3, 0xa9, 0xd0, 0xb7,
                                    0x03, 0x00, 0x02, 0xf8, 0x01, 0x22};
    for (size_t cut = 0; cut <= sizeof plain; cut++) {
        g_autoptr(GByteArray) body = g_byte_array_new();
        g_autoptr(GByteArray) file = begin_pixels();
        g_byte_array_append(body, (const uint8_t *)head, sizeof head);
        g_byte_array_append(body, plain, (guint)(sizeof plain - cut));
        add(file, "iTXt", body->data, body->len);
        g_autoptr(GBytes) found = png_xmp(file->data, file->len);
        g_assert_cmpint(found != NULL, ==, cut < sizeof plain - 3);
        if (cut == 0)
            g_assert_cmpmem(g_bytes_get_data(found, NULL), g_bytes_get_size(found), "<x/>", 4);
    }
}

/* With any cut of the file, and any length, no byte is read that is not there. */
static void test_cut(void)
{
    static const char date[] = "Creation Time\0"
                               "2015:05:05 05:05:05";
    static const char xmp[] = "XML:com.adobe.xmp\0\0\0en\0key\0<x/>";
    g_autoptr(GByteArray) file = begin();
    add(file, "gAMA", LITERAL(GAMMA));
    add(file, "cHRM", LITERAL(PLACES));
    add(file, "cICP", "\2\2\0\1", 4);
    add(file, "tEXt", date, sizeof date - 1);
    add(file, "iTXt", xmp, sizeof xmp - 1);
    add(file, "tIME", "\7\337\5\5\5\5\5", 7);
    add(file, "eXIf", LITERAL(EXIF));
    for (int lies = 0; lies < 2; lies++) {
        for (guint size = 0; size <= file->len; size++) {
            g_autofree uint8_t *exact = g_memdup2(file->data, size);
            ColorTags tags;
            PictureDate when;
            ExifFacts exif;
            (void)png_colors(exact, size, &tags);
            (void)png_date(exact, size, &when);
            (void)png_exif(exact, size, &exif);
            g_autoptr(GBytes) found = png_xmp(exact, size);
        }
        /* The length of the last chunk. */
        memset(file->data + file->len - sizeof(EXIF) + 1 - 12, 0xff, 4);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/png-chunks/colors-stand-first", test_colors_stand_first);
    g_test_add_func("/png-chunks/code-points", test_code_points);
    g_test_add_func("/png-chunks/profile-hides-gamma", test_profile_hides_gamma);
    g_test_add_func("/png-chunks/end-is-the-end", test_end_is_the_end);
    g_test_add_func("/png-chunks/time", test_time);
    g_test_add_func("/png-chunks/chunks-without-end", test_chunks_without_end);
    g_test_add_func("/png-chunks/deflated-xmp", test_deflated_xmp);
    g_test_add_func("/png-chunks/cut", test_cut);
    return g_test_run();
}
