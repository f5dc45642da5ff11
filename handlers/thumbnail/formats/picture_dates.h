/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates of pictures as cameras and programs write them into metadata: in EXIF, in XMP, in texts of
 * PNG. Takes any bytes. Needs no libvips.
 */
#pragma once

#include "model/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    /* Since 1970-01-01, the wall clock of the camera as if it were UTC. */
    int64_t us;
    bool has_offset;
    /* Minutes by which the camera's clock was ahead of UTC. */
    int offset_min;
} PictureDate;

/*
 * Parses "2024:01:31 12:34:56". Separators differ between writers, so only their places count.
 * Blanks count as zeros, except in the year; the seconds may be missing. Behind them, there may be
 * a fraction and an offset from UTC. False: no such moment exists.
 */
bool date_parse(const char *text, PictureDate *ret_date);

/* Parses an offset from UTC: "+02:00", "-0930", "+02" or "Z". */
bool date_parse_offset(const char *text, int *ret_minutes);

/*
 * Parses the date of a text in PNG: as date_parse, or as in mails ("Tue, 05 May 2015 05:05:05
 * +0200"). Source: PNG, third edition, section 11.3.3.2 ("Creation Time"); RFC 1123, section
 * 5.2.14.
 */
bool date_parse_text(const char *text, PictureDate *ret_date);

/*
 * Sets the date of `year` to `second` in UTC, as PNG stores the time of the last change (tIME).
 * False: no such moment exists.
 */
bool date_of_utc(int year, int month, int day, int hour, int minute, int second,
                 PictureDate *ret_date);

/*
 * Reads the date of a picture from XMP: exif:DateTimeOriginal, else photoshop:DateCreated, else
 * xmp:CreateDate. A date without a time is that of midnight. Limits: time in proportion to the
 * size. Source: XMP specification, part 2; guidelines of the Metadata Working Group, section 5.4.
 */
bool date_of_xmp(const void *data, size_t size, PictureDate *ret_date);

/* Makes this the date of the picture. `source`: the metadata that state it. */
void date_set(const PictureDate *date, DateSource source, ImageFacts *facts);

/* Makes the date in XMP, if there is one, that of a picture which has none yet. */
void date_set_of_xmp(const void *xmp, size_t size, ImageFacts *facts);
