/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
/* For memmem. */
#define _GNU_SOURCE
#endif
#include "formats/picture_dates.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

/* The longest text that is read as a date, bytes. */
#define TEXT_MAX 64

typedef struct {
    int year, month, day, hour, minute, second;
} DateParts;

/* Returns the number of exactly `n` digits at `text`, of which the first may be blank; or -1. */
static int digits(const char *text, size_t n)
{
    int value = 0;
    bool begun = false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ' ' && !begun)
            continue;
        if (!g_ascii_isdigit(text[i]))
            return -1;
        begun = true;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static bool to_date(const DateParts *moment, PictureDate *ret_date)
{
    /* The years end one short of the calendar's, so that no offset leaves it. */
    if (moment->year < 1 || moment->year > 9998 || moment->hour < 0 || moment->minute < 0 ||
        moment->second < 0)
        return false;
    /* Uses GDateTime, as timegm() would search for the machine's time zone file. */
    g_autoptr(GDateTime) date =
        g_date_time_new_utc(moment->year, moment->month, moment->day, moment->hour, moment->minute,
                            MIN(moment->second, 59));
    if (date == NULL)
        return false;
    *ret_date = (PictureDate){.us = g_date_time_to_unix(date) * G_USEC_PER_SEC};
    return true;
}

bool date_of_utc(int year, int month, int day, int hour, int minute, int second,
                 PictureDate *ret_date)
{
    const DateParts moment = {year, month, day, hour, minute, second};
    if (!to_date(&moment, ret_date))
        return false;
    ret_date->has_offset = true;
    return true;
}

bool date_parse_offset(const char *text, int *ret_minutes)
{
    if (text[0] == 'Z') {
        *ret_minutes = 0;
        return true;
    }
    if (text[0] != '+' && text[0] != '-')
        return false;
    size_t len = strlen(text);
    if (len < 3 || !g_ascii_isdigit(text[1]))
        return false;
    int hours = digits(text + 1, 2), minutes = 0;
    const char *rest = text + 3 + (text[3] == ':');
    if (*rest != '\0' && *rest != ' ')
        minutes = strlen(rest) >= 2 ? digits(rest, 2) : -1;
    if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
        return false;
    int offset_min = hours * 60 + minutes;
    *ret_minutes = text[0] == '-' ? -offset_min : offset_min;
    return true;
}

/* Reads what may follow the minutes: seconds, a fraction, an offset. */
static void parse_rest(const char *text, int *second, PictureDate *date)
{
    if (text[0] == ':' || text[0] == '.') {
        int value = strlen(text) >= 3 ? digits(text + 1, 2) : -1;
        *second = value >= 0 ? value : 0;
        text += value >= 0 ? 3 : 0;
    }
    if (text[0] == '.' || text[0] == ',')
        text += 1 + strspn(text + 1, "0123456789");
    text += strspn(text, " ");
    date->has_offset = date_parse_offset(text, &date->offset_min);
}

bool date_parse(const char *text, PictureDate *ret_date)
{
    size_t len = strlen(text);
    if (len < 16 || !g_ascii_isdigit(text[0]))
        return false;
    DateParts moment = {digits(text, 4),      digits(text + 5, 2),  digits(text + 8, 2),
                        digits(text + 11, 2), digits(text + 14, 2), 0};
    PictureDate zone = {.has_offset = false}, date;
    parse_rest(text + 16, &moment.second, &zone);
    if (!to_date(&moment, &date))
        return false;
    date.has_offset = zone.has_offset;
    date.offset_min = zone.has_offset ? zone.offset_min : 0;
    *ret_date = date;
    return true;
}

/* Returns the number of the month that `name` begins, 1 to 12, or 0. */
static int month_of(const char *name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        if (g_ascii_strncasecmp(name, names + (size_t)3 * (size_t)i, 3) == 0)
            return i + 1;
    }
    return 0;
}

/*
 * Parses a date as mail has it: "Mon, 2 Jan 2006 15:04:05 GMT". Weekday, seconds and zone may be
 * absent.
 */
static bool parse_mail_date(const char *text, PictureDate *ret_date)
{
    const char *comma = strchr(text, ',');
    char month[4] = "", zone[8] = "";
    DateParts moment = {0};
    int n = sscanf(comma != NULL ? comma + 1 : text, "%2d %3s %4d %2d:%2d:%2d %7s", &moment.day,
                   month, &moment.year, &moment.hour, &moment.minute, &moment.second, zone);
    moment.month = month_of(month);
    if (n < 5 || moment.year < 1000 || !to_date(&moment, ret_date))
        return false;
    if (n == 7 && (strcmp(zone, "GMT") == 0 || strcmp(zone, "UT") == 0 || strcmp(zone, "UTC") == 0))
        ret_date->has_offset = true;
    else if (n == 7)
        ret_date->has_offset = date_parse_offset(zone, &ret_date->offset_min);
    return true;
}

bool date_parse_text(const char *text, PictureDate *ret_date)
{
    return date_parse(text, ret_date) || parse_mail_date(text, ret_date);
}

/* Parses "2024-01-31T12:34:56+02:00", or the day alone, which means midnight. */
static bool parse_xmp_date(const char *text, PictureDate *ret_date)
{
    char whole[TEXT_MAX];
    if (date_parse(text, ret_date))
        return true;
    if (strlen(text) != 10)
        return false;
    g_snprintf(whole, sizeof whole, "%sT00:00:00", text);
    return date_parse(whole, ret_date);
}

/* Finds the value behind the name of an attribute (="value") or of an element (>value<). */
static bool read_value(const char *at, const char *end, char text[static TEXT_MAX])
{
    while (at < end && g_ascii_isspace(*at))
        at++;
    bool is_attribute = at < end && *at == '=';
    if (at == end || (!is_attribute && *at != '>'))
        return false;
    at++;
    while (at < end && (g_ascii_isspace(*at) || (is_attribute && (*at == '"' || *at == '\''))))
        at++;
    size_t len = 0;
    while (at + len < end && len < TEXT_MAX - 1 && strchr("\"'<>\r\n\t", at[len]) == NULL)
        len++;
    memcpy(text, at, len);
    text[len] = '\0';
    g_strchomp(text);
    return len > 0;
}

/* Finds the first attribute or element `name` of an XMP packet that has a valid date. */
static bool find_xmp_date(const char *xmp, size_t size, const char *name, PictureDate *ret_date)
{
    const char *end = xmp + size, *at = xmp;
    size_t len = strlen(name);
    char text[TEXT_MAX];
    while ((at = memmem(at, (size_t)(end - at), name, len)) != NULL) {
        at += len;
        if (read_value(at, end, text) && parse_xmp_date(text, ret_date))
            return true;
    }
    return false;
}

bool date_of_xmp(const void *data, size_t size, PictureDate *ret_date)
{
    return data != NULL && (find_xmp_date(data, size, "exif:DateTimeOriginal", ret_date) ||
                            find_xmp_date(data, size, "photoshop:DateCreated", ret_date) ||
                            find_xmp_date(data, size, "xmp:CreateDate", ret_date) ||
                            find_xmp_date(data, size, "xap:CreateDate", ret_date));
}

void date_set(const PictureDate *date, DateSource source, ImageFacts *facts)
{
    facts->has_date = true;
    facts->date_source = source;
    facts->date_us = date->us;
    facts->has_offset = date->has_offset;
    facts->offset_min = date->offset_min;
}

void date_set_of_xmp(const void *xmp, size_t size, ImageFacts *facts)
{
    PictureDate date;
    if (!facts->has_date && date_of_xmp(xmp, size, &date))
        date_set(&date, DATE_XMP, facts);
}
