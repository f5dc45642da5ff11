/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text with a date, as in EXIF, PNG and XMP. Whatever the bytes are, a date lies in the years
 * that the calendar has, and an offset is shorter than 16 hours.
 */
#include "fuzz.h"

#include "formats/picture_dates.h"

#include <glib.h>

/* 0001-01-01 and 9999-01-01, seconds since 1970. */
#define FIRST_S INT64_C(-62135596800)
#define END_S   INT64_C(253370764800)

static void check(bool found, const PictureDate *date)
{
    if (!found)
        return;
    g_assert_cmpint(date->us, >=, FIRST_S * G_USEC_PER_SEC);
    g_assert_cmpint(date->us, <, END_S * G_USEC_PER_SEC);
    g_assert_cmpint(ABS(date->offset_min), <, 16 * 60);
    g_assert_true(date->has_offset || date->offset_min == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* The copy makes a read beyond the end visible. */
    g_autofree uint8_t *exact = g_memdup2(data, len);
    g_autofree char *text = g_strndup((const char *)data, len);
    PictureDate date = {0}, other = {0}, xmp = {0};
    int minutes = 0;
    check(date_parse(text, &date), &date);
    check(date_parse_text(text, &other), &other);
    check(date_of_xmp(exact, len, &xmp), &xmp);
    if (date_parse_offset(text, &minutes))
        g_assert_cmpint(ABS(minutes), <, 16 * 60);
    return 0;
}
