/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/picture_dates.h"

#include <glib.h>
#include <string.h>

/* 2015-05-05 05:05:05 in UTC, seconds. */
#define MOMENT INT64_C(1430802305)
#define DAY    INT64_C(1430784000)

typedef struct {
    const char *text;
    /* Seconds; 0: no date. */
    int64_t seconds;
    bool has_offset;
    int offset_min;
} Case;

static const Case plain[] = {
    {"2015:05:05 05:05:05", MOMENT, false, 0},
    {"2015-05-05T05:05:05", MOMENT, false, 0},
    {"2015:05:05 05:05:05+02:00", MOMENT, true, 120},
    {"2015:05:05 05:05:05-0930", MOMENT, true, -570},
    {"2015:05:05 05:05:05.123456Z", MOMENT, true, 0},
    {"2015:05:05 05:05:05,5 +02", MOMENT, true, 120},
    {"2015:05:05 05:05:05 ", MOMENT, false, 0},
    {"2015: 5: 5  5: 5: 5", MOMENT, false, 0},
    {"2015:05:05 05:05", MOMENT - 5, false, 0},
    {"2015:05:05 05:05Z", MOMENT - 5, true, 0},
    {"2015:05:05 05:05:60", MOMENT + 54, false, 0},
    {"2015:05:05 05:05:05 Paris", MOMENT, false, 0},
    {"2015:05:05 05:05:05+16:00", MOMENT, false, 0},
    {"2015:05:05 05:05:05+02:60", MOMENT, false, 0},
    {"2015:02:29 05:05:05", 0, false, 0},
    {"2015:13:05 05:05:05", 0, false, 0},
    {"2015:05:05 24:05:05", 0, false, 0},
    {"0000:00:00 00:00:00", 0, false, 0},
    {"9999:01:01 00:00:00", 0, false, 0},
    {"    :  :     :  :  ", 0, false, 0},
    {"2015:05:05", 0, false, 0},
    {"", 0, false, 0},
    {"-015:05:05 05:05:05", 0, false, 0},
};

static const Case texts[] = {
    {"2015:05:05 05:05:05", MOMENT, false, 0},
    {"Tue, 05 May 2015 05:05:05 +0200", MOMENT, true, 120},
    {"5 may 2015 05:05:05 GMT", MOMENT, true, 0},
    {"5 May 2015 05:05", MOMENT - 5, false, 0},
    {"5 Mai 2015 05:05:05", 0, false, 0},
    {"32 May 2015 05:05:05", 0, false, 0},
    {"5 May 15 05:05:05", 0, false, 0},
    {"yesterday", 0, false, 0},
};

static const Case xmps[] = {
    {"<a xmp:CreateDate='2015-05-05T05:05:05+02:00'/>", MOMENT, true, 120},
    {"<xmp:CreateDate>2015-05-05T05:05:05Z</xmp:CreateDate>", MOMENT, true, 0},
    {"<a xap:CreateDate = \" 2015-05-05T05:05:05 \"/>", MOMENT, false, 0},
    {"<a photoshop:DateCreated='2015-05-05'/>", DAY, false, 0},
    {"<a xmp:CreateDate='2020-01-01' exif:DateTimeOriginal='2015-05-05'/>", DAY, false, 0},
    {"<a xmp:CreateDate='' xmp:CreateDate='2015-05-05'/>", DAY, false, 0},
    {"<a xmp:ModifyDate='2015-05-05'/>", 0, false, 0},
    {"<a xmp:CreateDateX='2015-05-05'/>", 0, false, 0},
    {"<a xmp:CreateDate", 0, false, 0},
    {"<a xmp:CreateDate=", 0, false, 0},
    {"<a xmp:CreateDate='2015", 0, false, 0},
    {"", 0, false, 0},
};

static void assert_date(const Case *row, bool found, const PictureDate *date)
{
    g_test_message("%s", row->text);
    g_assert_cmpint(found, ==, row->seconds != 0);
    if (!found)
        return;
    g_assert_cmpint(date->us, ==, row->seconds * G_USEC_PER_SEC);
    g_assert_cmpint(date->has_offset, ==, row->has_offset);
    g_assert_cmpint(date->offset_min, ==, row->offset_min);
}

static void test_plain(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plain); i++) {
        PictureDate date;
        assert_date(&plain[i], date_parse(plain[i].text, &date), &date);
    }
}

static void test_texts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        PictureDate date = {0};
        assert_date(&texts[i], date_parse_text(texts[i].text, &date), &date);
    }
}

/* XMP is alone in memory, and has no NUL at its end. */
static void test_xmp(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(xmps); i++) {
        PictureDate date;
        size_t size = strlen(xmps[i].text);
        g_autofree char *exact = g_memdup2(xmps[i].text, size);
        assert_date(&xmps[i], date_of_xmp(exact, size, &date), &date);
        for (size_t cut = 0; cut < size; cut++) {
            g_autofree char *part = g_memdup2(xmps[i].text, cut);
            (void)date_of_xmp(part, cut, &date);
        }
    }
}

static void test_offsets(void)
{
    static const struct {
        const char *text;
        /* 10000: none. */
        int minutes;
    } rows[] = {{"Z", 0},          {"+02:00", 120},  {"-09:30", -570}, {"+0545", 345},
                {"+14", 840},      {"+2", 10000},    {"+02:0", 10000}, {"+02:60", 10000},
                {"+16:00", 10000}, {"02:00", 10000}, {"", 10000},      {"+", 10000},
                {"+ 2:00", 10000}, {"+02:00 ", 120}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int minutes = 10000;
        g_test_message("'%s'", rows[i].text);
        g_assert_cmpint(date_parse_offset(rows[i].text, &minutes), ==, rows[i].minutes != 10000);
        g_assert_cmpint(minutes, ==, rows[i].minutes);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dates/plain", test_plain);
    g_test_add_func("/dates/texts", test_texts);
    g_test_add_func("/dates/xmp", test_xmp);
    g_test_add_func("/dates/offsets", test_offsets);
    return g_test_run();
}
