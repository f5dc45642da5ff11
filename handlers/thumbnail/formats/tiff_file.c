/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_file.h"

#include <glib.h>

/* In BigTIFF, libtiff refuses a directory with more entries; a classic one cannot have more. */
#define ENTRIES_MAX 65535

/* Returns a number of `n` bytes, at most 8; 0 outside of the file. */
static uint64_t read_number(const Tiff *tiff, uint64_t at, size_t n)
{
    uint64_t value = 0;
    if (at > tiff->size || n > tiff->size - at)
        return 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)tiff->data[at + i] << 8 * (tiff->is_big_endian ? n - 1 - i : i);
    return value;
}

bool tiff_open(const void *data, size_t size, Tiff *ret_tiff)
{
    const uint8_t *bytes = data;
    if (size < 8 || bytes[0] != bytes[1] || (bytes[0] != 'I' && bytes[0] != 'M'))
        return false;
    Tiff tiff = {.data = data, .size = size, .is_big_endian = bytes[0] == 'M'};
    uint64_t version = read_number(&tiff, 2, 2);
    tiff.is_big_tiff = version == 43;
    *ret_tiff = tiff;
    return version == 42 || version == 43;
}

uint64_t tiff_first(const Tiff *tiff)
{
    size_t word = tiff->is_big_tiff ? 8 : 4;
    return read_number(tiff, word, word);
}

static size_t entry_bytes(const Tiff *tiff)
{
    return tiff->is_big_tiff ? 20 : 12;
}

bool tiff_directory(const Tiff *tiff, uint64_t at, TiffDirectory *ret_directory)
{
    size_t word = tiff->is_big_tiff ? 8 : 4, count_bytes = tiff->is_big_tiff ? 8 : 2;
    uint64_t n = MIN(read_number(tiff, at, count_bytes), ENTRIES_MAX);
    if (at == 0 || at > tiff->size || n == 0)
        return false;
    at += count_bytes;
    uint64_t room = (tiff->size - at) / entry_bytes(tiff);
    if (room == 0)
        return false;
    n = MIN(n, room);
    *ret_directory = (TiffDirectory){at, n, read_number(tiff, at + n * entry_bytes(tiff), word)};
    return true;
}

/* Returns the size of a value of a TIFF type; 0 for an unknown type. */
static size_t type_bytes(uint64_t type)
{
    static const uint8_t sizes[] = {
        0,
        1 /* BYTE */,
        1 /* ASCII */,
        2 /* SHORT */,
        4 /* LONG */,
        8,
        1,
        1,
        2 /* SSHORT */,
        4 /* SLONG */,
        8,
        4,
        8,
        4 /* IFD */,
        0,
        0,
        8 /* LONG8 */,
        8,
        8 /* IFD8 */,
    };
    return type < G_N_ELEMENTS(sizes) ? sizes[type] : 0;
}

TiffEntry tiff_entry(const Tiff *tiff, const TiffDirectory *directory, uint64_t i)
{
    uint64_t at = directory->at + i * entry_bytes(tiff);
    size_t room = tiff->is_big_tiff ? 8 : 4;
    TiffEntry entry = {.tag = read_number(tiff, at, 2),
                       .type = read_number(tiff, at + 2, 2),
                       .n = read_number(tiff, at + 4, room),
                       .at = at + 4 + room};
    entry.bytes = type_bytes(entry.type);
    entry.is_apart = entry.bytes > 0 && entry.n > room / entry.bytes;
    if (entry.is_apart)
        entry.at = read_number(tiff, entry.at, room);
    return entry;
}

/* Checks that values of this TIFF type are whole numbers. */
static bool is_whole(uint64_t type)
{
    switch (type) {
    case 1:  /* BYTE */
    case 3:  /* SHORT */
    case 4:  /* LONG */
    case 6:  /* SBYTE */
    case 8:  /* SSHORT */
    case 9:  /* SLONG */
    case 16: /* LONG8 */
    case 17: /* SLONG8 */
        return true;
    default:
        return false;
    }
}

uint64_t tiff_value(const Tiff *tiff, const TiffEntry *entry, uint64_t i)
{
    if (!is_whole(entry->type) || entry->at > tiff->size || i > tiff->size)
        return 0;
    return read_number(tiff, entry->at + i * entry->bytes, entry->bytes);
}

uint64_t tiff_pointer(const Tiff *tiff, const TiffEntry *entry, uint64_t i)
{
    bool is_place = entry->type == 4 /* LONG */ || entry->type == 13 /* IFD */ ||
                    entry->type == 16 /* LONG8 */ || entry->type == 18 /* IFD8 */;
    if (!is_place || entry->at > tiff->size || i > tiff->size)
        return 0;
    return read_number(tiff, entry->at + i * entry->bytes, entry->bytes);
}
