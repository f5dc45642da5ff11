/* SPDX-License-Identifier: Apache-2.0 */
#include "exif.h"

#include <glib.h>
#include <libexif/exif-format.h>
#include <libexif/exif-ifd.h>
#include <libexif/exif-tag.h>
#include <string.h>

static const char exif_prefix[6] = "Exif\0";

/* Sizes of a directory's parts. Source: TIFF 6.0, section 2. */
#define HEADER_BYTES 8
#define COUNT_BYTES  2
#define ENTRY_BYTES  12
#define INLINE_BYTES 4 /* a value up to this size lies in its entry */

/* The rows of one directory; none where it lies outside of the block. */
typedef struct {
    const uint8_t *entries;
    size_t n;
} Directory;

/* A block and the two directories in which anything is looked for. No other is ever visited. */
typedef struct {
    const uint8_t *data;
    size_t size;
    bool is_big_endian;
    Directory directories[EXIF_IFD_COUNT]; /* by ExifIfd */
} ExifBlock;

typedef struct {
    uint16_t format;
    const uint8_t *data;
    size_t size;
} ExifValue;

typedef struct {
    ExifIfd ifd;
    ExifTag date, offset;
} DateTags;

static const DateTags date_tags[] = {
    {EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_ORIGINAL, EXIF_TAG_OFFSET_TIME_ORIGINAL},
    {EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_DIGITIZED, EXIF_TAG_OFFSET_TIME_DIGITIZED},
    {EXIF_IFD_0, EXIF_TAG_DATE_TIME, EXIF_TAG_OFFSET_TIME},
};

static uint16_t read_short(const ExifBlock *block, const uint8_t *at)
{
    return (uint16_t)(block->is_big_endian ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
}

static uint32_t read_long(const ExifBlock *block, const uint8_t *at)
{
    uint32_t first = read_short(block, at), second = read_short(block, at + 2);
    return block->is_big_endian ? first << 16 | second : second << 16 | first;
}

static Directory open_directory(const ExifBlock *block, uint32_t offset)
{
    if (offset < HEADER_BYTES || block->size < COUNT_BYTES || offset > block->size - COUNT_BYTES)
        return (Directory){0};
    const uint8_t *at = block->data + offset;
    size_t room = (block->size - offset - COUNT_BYTES) / ENTRY_BYTES;
    return (Directory){at + COUNT_BYTES, MIN(read_short(block, at), room)};
}

/* The first entry of a tag. False if there is none, or its value lies outside of the block. */
static bool find_value(const ExifBlock *block, ExifIfd ifd, ExifTag tag, ExifValue *ret_value)
{
    const Directory *directory = &block->directories[ifd];
    const uint8_t *entry = directory->entries;
    size_t left = directory->n;
    while (left > 0 && read_short(block, entry) != (uint16_t)tag) {
        entry += ENTRY_BYTES;
        left--;
    }
    if (left == 0)
        return false;
    uint16_t format = read_short(block, entry + 2);
    uint64_t size = (uint64_t)read_long(block, entry + 4) * (format == EXIF_FORMAT_SHORT  ? 2
                                                             : format == EXIF_FORMAT_LONG ? 4
                                                                                          : 1);
    uint32_t offset = read_long(block, entry + 8);
    bool is_inline = size <= INLINE_BYTES;
    if (!is_inline && (offset > block->size || size > block->size - offset))
        return false;
    *ret_value = (ExifValue){format, is_inline ? entry + 8 : block->data + offset, (size_t)size};
    return true;
}

/*
 * Finds the directories that are read. The pointer to the second is followed once, wherever it
 * leads: a directory that points at itself is no reason to look at it again.
 */
static bool open_block(const void *data, size_t size, ExifBlock *ret_block)
{
    ExifBlock block = {.data = data, .size = size};
    ExifValue pointer;
    if (size < HEADER_BYTES || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
        return false;
    block.is_big_endian = block.data[0] == 'M';
    block.directories[EXIF_IFD_0] = open_directory(&block, read_long(&block, block.data + 4));
    if (find_value(&block, EXIF_IFD_0, EXIF_TAG_EXIF_IFD_POINTER, &pointer) &&
        pointer.format == EXIF_FORMAT_LONG && pointer.size == 4)
        block.directories[EXIF_IFD_EXIF] = open_directory(&block, read_long(&block, pointer.data));
    *ret_block = block;
    return true;
}

/* An ASCII value is not always ended by a NUL, and may hold anything. */
static bool entry_text(const ExifBlock *block, ExifIfd ifd, ExifTag tag, char *text, size_t size)
{
    ExifValue value;
    if (!find_value(block, ifd, tag, &value) || value.format != EXIF_FORMAT_ASCII)
        return false;
    size_t len = MIN(value.size, size - 1);
    memcpy(text, value.data, len);
    text[len] = '\0';
    return true;
}

/* The number of exactly `n` digits at `text`, or -1. */
static int digits(const char *text, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isdigit(text[i]))
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* "2024:01:31 12:34:56". Separators vary between writers, so only their places count. */
static bool parse_date(const char *text, int64_t *ret_us)
{
    if (strlen(text) < 19)
        return false;
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    int hour = digits(text + 11, 2), minute = digits(text + 14, 2), second = digits(text + 17, 2);
    /* One year short of the calendar's ends, so that no offset leaves it. */
    if (year < 1 || year > 9998 || hour < 0 || minute < 0 || second < 0)
        return false;
    /* GDateTime, as timegm() would look for the machine's time zone file. */
    g_autoptr(GDateTime) date =
        g_date_time_new_utc(year, month, day, hour, minute, MIN(second, 59));
    if (date == NULL)
        return false;
    *ret_us = g_date_time_to_unix(date) * G_USEC_PER_SEC;
    return true;
}

/* "+02:00", "-09:30" or "Z". */
static bool parse_offset(const char *text, int *ret_minutes)
{
    if (text[0] == 'Z') {
        *ret_minutes = 0;
        return true;
    }
    if (strlen(text) < 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return false;
    int hours = digits(text + 1, 2), minutes = digits(text + 4, 2);
    if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
        return false;
    int offset_min = hours * 60 + minutes;
    *ret_minutes = text[0] == '-' ? -offset_min : offset_min;
    return true;
}

static void read_date(const ExifBlock *exif, ExifFacts *facts)
{
    for (size_t i = 0; i < G_N_ELEMENTS(date_tags) && !facts->has_date; i++) {
        const DateTags *tags = &date_tags[i];
        char text[32];
        if (!entry_text(exif, tags->ifd, tags->date, text, sizeof text) ||
            !parse_date(text, &facts->date_us))
            continue;
        facts->has_date = true;
        facts->has_offset = entry_text(exif, EXIF_IFD_EXIF, tags->offset, text, sizeof text) &&
                            parse_offset(text, &facts->offset_min);
    }
}

static void read_orientation(const ExifBlock *exif, ExifFacts *facts)
{
    ExifValue value;
    if (!find_value(exif, EXIF_IFD_0, EXIF_TAG_ORIENTATION, &value) || value.size == 0)
        return;
    uint32_t orientation = value.format == EXIF_FORMAT_SHORT  ? read_short(exif, value.data)
                           : value.format == EXIF_FORMAT_LONG ? read_long(exif, value.data)
                                                              : 0;
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
