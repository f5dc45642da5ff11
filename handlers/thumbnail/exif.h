/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two things thumbq wants to know from EXIF: which way is up, and when the picture was taken.
 *
 * Takes any bytes; what cannot be read is taken as not there. Two directories are read, each once:
 * the time is bounded by their 65535 entries, whatever they point at. Needs neither libvips nor
 * libexif, which visits directories that point at themselves for minutes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block larger than this is not read; APP1 cannot hold more than 64 KiB, other containers can. */
#define EXIF_SIZE_MAX (4 << 20)

typedef struct {
    int orientation; /* 1..8; 1 if it is not said */
    bool has_date;
    int64_t date_us; /* since 1970-01-01, wall clock of the camera as if it were UTC */
    bool has_offset;
    int offset_min; /* what the camera's clock was ahead of UTC, if it wrote that */
} ExifFacts;

/*
 * Reads an EXIF block, with or without the "Exif\0\0" in front.
 * The date is DateTimeOriginal, else DateTimeDigitized, else DateTime, each with its own offset
 * tag. Source: CIPA DC-008 (Exif 2.32), section 4.6.5.
 */
void exif_read(const void *data, size_t size, ExifFacts *ret_facts);

/*
 * Reads the date of a TIFF file, which is a block of any size. (libvips hands out no EXIF of TIFF.)
 * `ret_facts`: the date only.
 */
void exif_read_tiff(const void *data, size_t size, ExifFacts *ret_facts);
