/* SPDX-License-Identifier: Apache-2.0 */
#include "sniff.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    size_t offset;
    const char *bytes;
    size_t len;
    ImageType type;
    const char *unread; /* of IMAGE_OTHER: what it is, and what to do */
} Magic;

#define MAGIC(offset, literal, type)                                                               \
    {                                                                                              \
        offset, literal, sizeof(literal) - 1, type, NULL                                           \
    }
#define UNREAD(literal, name, advice)                                                              \
    {                                                                                              \
        0, literal, sizeof(literal) - 1, IMAGE_OTHER, name advice                                  \
    }

#define CONVERT " is not read; convert it to PNG or JPEG"
#define EXPORT  " is not read; export it as PNG from the program that made it"
#define DEVELOP " is not read; develop it to JPEG or TIFF"

static const Magic magics[] = {
    MAGIC(0, "\xff\xd8\xff", IMAGE_JPEG),
    MAGIC(0, "\x89PNG\r\n\x1a\n", IMAGE_PNG),
    MAGIC(0, "GIF87a", IMAGE_GIF),
    MAGIC(0, "GIF89a", IMAGE_GIF),
    UNREAD("II*\0\x10\0\0\0CR", "camera raw of Canon (CR2)", DEVELOP),
    MAGIC(0, "II*\0", IMAGE_TIFF),
    MAGIC(0, "MM\0*", IMAGE_TIFF),
    MAGIC(0, "II+\0\x08\0\0\0", IMAGE_TIFF), /* BigTIFF */
    MAGIC(0, "MM\0+\0\x08\0\0", IMAGE_TIFF),
    MAGIC(0, "\xff\x0a", IMAGE_JXL),
    MAGIC(0, "\0\0\0\x0cJXL \r\n\x87\n", IMAGE_JXL),
    UNREAD("\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000", CONVERT),
    UNREAD("\xff\x4f\xff\x51", "JPEG 2000", CONVERT),
    UNREAD("8BPS\0", "Photoshop (PSD)", EXPORT),
    UNREAD("\0\0\1\0", "an icon (ICO)", CONVERT),
    UNREAD("\0\0\2\0", "a cursor (CUR)", CONVERT),
    UNREAD("\x76\x2f\x31\x01", "OpenEXR", CONVERT),
    UNREAD("#?RADIANCE\n", "Radiance HDR", CONVERT),
    UNREAD("#?RGBE\n", "Radiance HDR", CONVERT),
    UNREAD("SIMPLE  =", "FITS", CONVERT),
    UNREAD("DDS \x7c\0\0\0", "DirectDraw (DDS)", CONVERT),
    UNREAD("qoif", "QOI", CONVERT),
    UNREAD("gimp xcf ", "GIMP (XCF)", EXPORT),
    UNREAD("BPG\xfb", "BPG", CONVERT),
    UNREAD("AT&TFORM", "DjVu", CONVERT),
    UNREAD("IIRO", "camera raw of Olympus (ORF)", DEVELOP),
    UNREAD("IIU\0", "camera raw of Panasonic (RW2)", DEVELOP),
    UNREAD("FUJIFILMCCD-RAW", "camera raw of Fujifilm (RAF)", DEVELOP),
    UNREAD("II\xbc\1", "JPEG XR", CONVERT),
};

/* Brands of ISO base media files that are pictures; "mif1" and "msf1" only say "HEIF". */
static const struct {
    char brand[5];
    ImageType type;
} brands[] = {
    {"avif", IMAGE_AVIF}, {"avis", IMAGE_AVIF},  {"heic", IMAGE_HEIC},  {"heix", IMAGE_HEIC},
    {"heim", IMAGE_HEIC}, {"heis", IMAGE_HEIC},  {"hevc", IMAGE_HEIC},  {"hevx", IMAGE_HEIC},
    {"hevm", IMAGE_HEIC}, {"hevs", IMAGE_HEIC},  {"crx ", IMAGE_OTHER}, /* Canon raw */
    {"jxl ", IMAGE_JXL},  {"jp2 ", IMAGE_OTHER},
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static ImageType brand_type(const uint8_t *brand)
{
    for (size_t i = 0; i < G_N_ELEMENTS(brands); i++) {
        if (memcmp(brand, brands[i].brand, 4) == 0)
            return brands[i].type;
    }
    return IMAGE_NONE;
}

/* The `ftyp` box: the major brand decides, else the first compatible brand that says anything. */
static ImageType sniff_ftyp(const uint8_t *data, size_t len)
{
    if (len < 12 || memcmp(data + 4, "ftyp", 4) != 0)
        return IMAGE_NONE;
    ImageType type = brand_type(data + 8);
    if (type != IMAGE_NONE)
        return type;

    bool heif = memcmp(data + 8, "mif1", 4) == 0 || memcmp(data + 8, "msf1", 4) == 0;
    size_t end = MIN(be32(data), len);
    for (size_t at = 16; at + 4 <= end; at += 4) {
        type = brand_type(data + at);
        /* A film may name a picture brand as compatible; only what is a HEIF may be judged by it.
         */
        if (type != IMAGE_NONE && heif)
            return type;
        if (memcmp(data + at, "mif1", 4) == 0)
            heif = true;
    }
    return heif ? IMAGE_HEIC : IMAGE_NONE;
}

/* By the major brand alone; of others the type has no better name. */
static const char *unread_brand(const uint8_t *data, size_t len)
{
    if (len < 12 || memcmp(data + 4, "ftyp", 4) != 0)
        return NULL;
    return memcmp(data + 8, "crx ", 4) == 0   ? "camera raw of Canon (CR3)" DEVELOP
           : memcmp(data + 8, "jp2 ", 4) == 0 ? "JPEG 2000" CONVERT
           : memcmp(data + 8, "jxl ", 4) == 0 ? "JPEG XL" CONVERT
                                              : NULL;
}

/* "BM" alone is too short to mean anything: the header's size must be one that exists. */
static bool is_bmp(const uint8_t *data, size_t len)
{
    if (len < 26 || memcmp(data, "BM", 2) != 0)
        return false;
    uint32_t header = le32(data + 14);
    return header == 12 || header == 16 || (header >= 40 && header <= 124);
}

/* PBM to PFM: 'P', a letter, white space, and then a number or a comment. */
static bool is_pnm(const uint8_t *data, size_t len)
{
    if (len < 4 || data[0] != 'P' || memchr("1234567Ff", data[1], 9) == NULL)
        return false;
    return g_ascii_isspace(data[2]) &&
           (g_ascii_isdigit(data[3]) || data[3] == '#' || g_ascii_isspace(data[3]) ||
            (data[1] == '7' && data[3] == 'W'));
}

/* SVG is text: an `<svg` element, after nothing but white space, a declaration, comments, a
 * doctype. */
static bool is_svg(const uint8_t *data, size_t len)
{
    const char *text = (const char *)data;
    size_t at = len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < len) {
        while (at < len && g_ascii_isspace(text[at]))
            at++;
        if (len - at >= 5 && memcmp(text + at, "<svg", 4) == 0)
            return strchr("> /\t\r\n", text[at + 4]) != NULL && text[at + 4] != '\0';
        if (len - at < 2 || text[at] != '<' || (text[at + 1] != '?' && text[at + 1] != '!'))
            return false;
        if (len - at >= 13 && g_ascii_strncasecmp(text + at, "<!doctype svg", 13) == 0)
            return true;
        bool comment = len - at >= 4 && memcmp(text + at, "<!--", 4) == 0;
        const char *end = g_strstr_len(text + at, (gssize)(len - at), comment ? "-->" : ">");
        if (end == NULL)
            return false;
        at = (size_t)(end - text) + (comment ? 3 : 1);
    }
    return false;
}

static const Magic *find_magic(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < G_N_ELEMENTS(magics); i++) {
        const Magic *magic = &magics[i];
        if (len >= magic->offset + magic->len &&
            memcmp(bytes + magic->offset, magic->bytes, magic->len) == 0)
            return magic;
    }
    return NULL;
}

const char *sniff_unread(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    const Magic *magic = find_magic(bytes, len);
    if (magic && magic->type == IMAGE_JXL)
        return "JPEG XL" CONVERT;
    if (magic)
        return magic->unread;
    len = MIN(len, SNIFF_BYTES);
    if (is_bmp(bytes, len))
        return "BMP" CONVERT;
    if (is_pnm(bytes, len))
        return "PNM (PBM, PGM, PPM)" CONVERT;
    if (is_svg(bytes, len))
        return "SVG" EXPORT;
    return unread_brand(bytes, len);
}

ImageType sniff_type(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    const Magic *magic = find_magic(bytes, len);
    if (magic)
        return magic->type;
    if (len >= 16 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBPVP8", 7) == 0)
        return IMAGE_WEBP;
    ImageType type = sniff_ftyp(bytes, MIN(len, SNIFF_BYTES));
    if (type != IMAGE_NONE)
        return type;
    len = MIN(len, SNIFF_BYTES);
    return is_bmp(bytes, len) || is_pnm(bytes, len) || is_svg(bytes, len) ? IMAGE_OTHER
                                                                          : IMAGE_NONE;
}
