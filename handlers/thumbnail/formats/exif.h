/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads two facts from EXIF: the orientation, and the date of the picture.
 *
 * Takes any bytes; an entry that cannot be read counts as missing. Two directories are read, each
 * once: the time is bounded by their 65535 entries, wherever they point. Needs neither libvips nor
 * libexif, which visits directories that point at themselves for minutes.
 */
#pragma once

#include "formats/picture_dates.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A larger block is not read, bytes. APP1 cannot hold more than 64 KiB; other containers can. */
#define EXIF_SIZE_MAX (4 << 20)

typedef struct {
    /* 1..8; 1 if the block has none. */
    int orientation;
    bool has_date;
    PictureDate date;
} ExifFacts;

/*
 * Reads an EXIF block, with or without the "Exif\0\0" in front.
 * The date is DateTimeOriginal, else DateTimeDigitized, else DateTime, each with its own offset
 * tag, else with the offset in its text. Source: CIPA DC-008 (Exif 2.32), section 4.6.5.
 */
void exif_read(const void *data, size_t size, ExifFacts *ret_facts);

/*
 * Reads the date of a TIFF or BigTIFF file, which is a block of any size. (libvips hands out no
 * EXIF of TIFF.) `ret_facts`: the date only.
 */
void exif_read_tiff(const void *data, size_t size, ExifFacts *ret_facts);

/* Makes the date of the block, if it has one, that of the picture. */
void exif_set_date(const ExifFacts *exif, ImageFacts *facts);
