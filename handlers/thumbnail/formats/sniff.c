/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/sniff.h"

#include <string.h>

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Returns the length of the row's longest magic that `data` begins with; 0 for none. */
static size_t match_magics(const FileFormat *format, const uint8_t *data, size_t len)
{
    size_t longest = 0;
    for (const Magic *magic = format->magics; magic != NULL && magic->bytes != NULL; magic++) {
        if (len >= magic->len && memcmp(data, magic->bytes, magic->len) == 0)
            longest = MAX(longest, magic->len);
    }
    return longest;
}

static const FileFormat *find_magic(const uint8_t *data, size_t len)
{
    const FileFormat *format, *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; (format = file_format_at(i)) != NULL; i++) {
        size_t match = match_magics(format, data, len);
        if (match > longest) {
            longest = match;
            found = format;
        }
    }
    return found;
}

static const FileFormat *find_brand(const uint8_t *brand)
{
    const FileFormat *format;
    for (size_t i = 0; (format = file_format_at(i)) != NULL; i++) {
        for (const char *const *name = format->brands; name != NULL && *name != NULL; name++) {
            if (memcmp(brand, *name, 4) == 0)
                return format;
        }
    }
    return NULL;
}

/*
 * Finds the row by the `ftyp` box of ISO base media files. The major brand decides, otherwise the
 * first compatible brand of a row; "mif1" and "msf1" mean only "HEIF".
 */
static const FileFormat *find_ftyp(const uint8_t *data, size_t len)
{
    if (len < 12 || memcmp(data + 4, "ftyp", 4) != 0)
        return NULL;
    const FileFormat *format = find_brand(data + 8);
    if (format != NULL)
        return format;

    bool heif = memcmp(data + 8, "mif1", 4) == 0 || memcmp(data + 8, "msf1", 4) == 0;
    size_t end = MIN(be32(data), len);
    for (size_t at = 16; at + 4 <= end; at += 4) {
        format = find_brand(data + at);
        /* A film may name a picture brand as compatible: it decides only in a HEIF file. */
        if (format != NULL && heif)
            return format;
        if (memcmp(data + at, "mif1", 4) == 0)
            heif = true;
    }
    return heif ? file_format_of(IMAGE_HEIC) : NULL;
}

/* Finds the row by its `begins`: types that are read, or the others. */
static const FileFormat *find_beginning(const uint8_t *data, size_t len, bool is_read)
{
    const FileFormat *format;
    for (size_t i = 0; (format = file_format_at(i)) != NULL; i++) {
        if ((format->unread == NULL) == is_read && format->begins != NULL &&
            format->begins(data, len))
            return format;
    }
    return NULL;
}

const FileFormat *sniff(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    const FileFormat *format = find_magic(bytes, len);
    len = MIN(len, SNIFF_BYTES);
    if (format == NULL)
        format = find_beginning(bytes, len, true);
    if (format == NULL)
        format = find_ftyp(bytes, len);
    return format != NULL ? format : find_beginning(bytes, len, false);
}
