/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/unread_formats.h"

#include "formats/unread.h"

#include <string.h>

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/*
 * True for BMP. "BM" alone is too short to recognize it: the header's size must be one that exists.
 */
static bool is_bmp(const uint8_t *data, size_t len)
{
    if (len < 26 || memcmp(data, "BM", 2) != 0)
        return false;
    uint32_t header = le32(data + 14);
    return header == 12 || header == 16 || (header >= 40 && header <= 124);
}

/* True for PBM to PFM: 'P', a letter, white space, and then a number or a comment. */
static bool is_pnm(const uint8_t *data, size_t len)
{
    static const char letters[9] = "1234567Ff";
    if (len < 4 || data[0] != 'P' || memchr(letters, data[1], sizeof letters) == NULL)
        return false;
    return g_ascii_isspace(data[2]) &&
           (g_ascii_isdigit(data[3]) || data[3] == '#' || g_ascii_isspace(data[3]) ||
            (data[1] == '7' && data[3] == 'W'));
}

/*
 * True for SVG, a text: an `<svg` element, after only white space, a declaration, comments, a
 * doctype.
 */
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

#define UNREAD(name, text, ...)                                                                    \
    {                                                                                              \
        .type = IMAGE_##name, .unread = text, __VA_ARGS__                                          \
    }

const FileFormat unread_formats[] = {
    UNREAD(CR2, "camera raw of Canon (CR2)" DEVELOP, .magics = MAGICS(MAGIC("II*\0\x10\0\0\0CR"))),
    UNREAD(CR3, "camera raw of Canon (CR3)" DEVELOP, .brands = NAMES("crx ")),
    UNREAD(ORF, "camera raw of Olympus (ORF)" DEVELOP, .magics = MAGICS(MAGIC("IIRO"))),
    UNREAD(RW2, "camera raw of Panasonic (RW2)" DEVELOP, .magics = MAGICS(MAGIC("IIU\0"))),
    UNREAD(RAF, "camera raw of Fujifilm (RAF)" DEVELOP, .magics = MAGICS(MAGIC("FUJIFILMCCD-RAW"))),
    UNREAD(JP2, "JPEG 2000" CONVERT, .brands = NAMES("jp2 "),
           .magics = MAGICS(MAGIC("\0\0\0\x0cjP  \r\n\x87\n"), MAGIC("\xff\x4f\xff\x51"))),
    UNREAD(JXR, "JPEG XR" CONVERT, .magics = MAGICS(MAGIC("II\xbc\1"))),
    UNREAD(PSD, "Photoshop (PSD)" EXPORT, .magics = MAGICS(MAGIC("8BPS\0"))),
    UNREAD(XCF, "GIMP (XCF)" EXPORT, .magics = MAGICS(MAGIC("gimp xcf "))),
    UNREAD(ICO, "an icon (ICO)" CONVERT, .magics = MAGICS(MAGIC("\0\0\1\0"))),
    UNREAD(CUR, "a cursor (CUR)" CONVERT, .magics = MAGICS(MAGIC("\0\0\2\0"))),
    UNREAD(EXR, "OpenEXR" CONVERT, .magics = MAGICS(MAGIC("\x76\x2f\x31\x01"))),
    UNREAD(HDR, "Radiance HDR" CONVERT, .magics = MAGICS(MAGIC("#?RADIANCE\n"), MAGIC("#?RGBE\n"))),
    UNREAD(FITS, "FITS" CONVERT, .magics = MAGICS(MAGIC("SIMPLE  ="))),
    UNREAD(DDS, "DirectDraw (DDS)" CONVERT, .magics = MAGICS(MAGIC("DDS \x7c\0\0\0"))),
    UNREAD(QOI, "QOI" CONVERT, .magics = MAGICS(MAGIC("qoif"))),
    UNREAD(BPG, "BPG" CONVERT, .magics = MAGICS(MAGIC("BPG\xfb"))),
    UNREAD(DJVU, "DjVu" CONVERT, .magics = MAGICS(MAGIC("AT&TFORM"))),
    UNREAD(BMP, "BMP" CONVERT, .begins = is_bmp),
    UNREAD(PNM, "PNM (PBM, PGM, PPM)" CONVERT, .begins = is_pnm),
    UNREAD(SVG, "SVG" EXPORT, .begins = is_svg),
};

const size_t unread_formats_n = G_N_ELEMENTS(unread_formats);
