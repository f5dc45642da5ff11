/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/exif.h"

#include "formats/tiff_file.h"

#include <glib.h>
#include <libexif/exif-format.h>
#include <libexif/exif-ifd.h>
#include <libexif/exif-tag.h>
#include <string.h>

static const char exif_prefix[6] = "Exif\0";

/* A block and the two directories that are searched. No other one is ever visited. */
typedef struct {
    Tiff tiff;
    /* Indexed by ExifIfd; without entries: there is none. */
    TiffDirectory directories[EXIF_IFD_COUNT];
} ExifBlock;

typedef struct {
    ExifIfd ifd;
    ExifTag date, offset;
} DateTags;

static const DateTags date_tags[] = {
    {EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_ORIGINAL, EXIF_TAG_OFFSET_TIME_ORIGINAL},
    {EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_DIGITIZED, EXIF_TAG_OFFSET_TIME_DIGITIZED},
    {EXIF_IFD_0, EXIF_TAG_DATE_TIME, EXIF_TAG_OFFSET_TIME},
};

/*
 * Finds the first entry of a tag. False if there is none, or if its value lies outside of the
 * block.
 */
static bool find_entry(const ExifBlock *block, ExifIfd ifd, ExifTag tag, TiffEntry *ret_entry)
{
    const TiffDirectory *directory = &block->directories[ifd];
    for (uint64_t i = 0; i < directory->n; i++) {
        const TiffEntry entry = tiff_entry(&block->tiff, directory, i);
        if (entry.tag != (uint64_t)tag)
            continue;
        size_t size = block->tiff.size;
        *ret_entry = entry;
        return entry.bytes > 0 && entry.at <= size && entry.n <= (size - entry.at) / entry.bytes;
    }
    return false;
}

/*
 * Finds the two directories. The pointer to the second one is followed once, wherever it leads, so
 * a directory that points at itself does no harm.
 */
static bool open_block(const void *data, size_t size, ExifBlock *ret_block)
{
    ExifBlock block = {.directories = {{0}}};
    TiffEntry pointer;
    if (!tiff_open(data, size, &block.tiff))
        return false;
    (void)tiff_directory(&block.tiff, tiff_first(&block.tiff), &block.directories[EXIF_IFD_0]);
    if (find_entry(&block, EXIF_IFD_0, EXIF_TAG_EXIF_IFD_POINTER, &pointer) && pointer.n == 1)
        (void)tiff_directory(&block.tiff, tiff_pointer(&block.tiff, &pointer, 0),
                             &block.directories[EXIF_IFD_EXIF]);
    *ret_block = block;
    return true;
}

/* Copies an ASCII value, which may lack its NUL and may have any bytes. */
static bool entry_text(const ExifBlock *block, ExifIfd ifd, ExifTag tag, char *text, size_t size)
{
    TiffEntry entry;
    if (!find_entry(block, ifd, tag, &entry) || entry.type != EXIF_FORMAT_ASCII)
        return false;
    size_t len = MIN((size_t)entry.n, size - 1);
    memcpy(text, block->tiff.data + entry.at, len);
    text[len] = '\0';
    return true;
}

/* Reads the first of several Exif dates that is valid, with its time zone. */
static void read_date(const ExifBlock *exif, ExifFacts *facts)
{
    for (size_t i = 0; i < G_N_ELEMENTS(date_tags) && !facts->has_date; i++) {
        const DateTags *tags = &date_tags[i];
        char text[64];
        int offset_min;
        if (!entry_text(exif, tags->ifd, tags->date, text, sizeof text) ||
            !date_parse(text, &facts->date))
            continue;
        facts->has_date = true;
        if (entry_text(exif, EXIF_IFD_EXIF, tags->offset, text, sizeof text) &&
            date_parse_offset(text, &offset_min)) {
            facts->date.has_offset = true;
            facts->date.offset_min = offset_min;
        }
    }
}

static void read_orientation(const ExifBlock *exif, ExifFacts *facts)
{
    TiffEntry entry;
    if (!find_entry(exif, EXIF_IFD_0, EXIF_TAG_ORIENTATION, &entry) || entry.n == 0 ||
        (entry.type != EXIF_FORMAT_SHORT && entry.type != EXIF_FORMAT_LONG))
        return;
    uint64_t orientation = tiff_value(&exif->tiff, &entry, 0);
    if (orientation >= 1 && orientation <= 8)
        facts->orientation = (int)orientation;
}

void exif_read(const void *data, size_t size, ExifFacts *ret_facts)
{
    *ret_facts = (ExifFacts){.orientation = 1};
    if (data == NULL || size < sizeof exif_prefix || size > EXIF_SIZE_MAX)
        return;
    const uint8_t *start = data;
    if (memcmp(start, exif_prefix, sizeof exif_prefix) == 0) {
        start += sizeof exif_prefix;
        size -= sizeof exif_prefix;
    }
    ExifBlock block;
    if (!open_block(start, size, &block))
        return;
    read_orientation(&block, ret_facts);
    read_date(&block, ret_facts);
}

void exif_read_tiff(const void *data, size_t size, ExifFacts *ret_facts)
{
    ExifBlock block;
    *ret_facts = (ExifFacts){.orientation = 1};
    if (data != NULL && open_block(data, size, &block))
        read_date(&block, ret_facts);
}

void exif_set_date(const ExifFacts *exif, ImageFacts *facts)
{
    if (exif->has_date)
        date_set(&exif->date, DATE_EXIF, facts);
}
