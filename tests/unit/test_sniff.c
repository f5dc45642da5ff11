/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/sniff.h"

#include <glib.h>
#include <string.h>

typedef struct {
    const char *name;
    const char *bytes;
    size_t len;
    ImageType type;
} Case;

#define CASE(name, literal, type)                                                                  \
    {                                                                                              \
        name, literal, sizeof(literal) - 1, type                                                   \
    }

static const Case cases[] = {
    CASE("jpeg", "\xff\xd8\xff\xe0\0\x10JFIF", IMAGE_JPEG),
    CASE("png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", IMAGE_PNG),
    CASE("png-mangled", "\x89PNG\n\x1a\n\0\0\0\rIHDR", IMAGE_NONE),
    CASE("gif", "GIF89a\1\0\1\0", IMAGE_GIF),
    CASE("gif-old", "GIF87a\1\0\1\0", IMAGE_GIF),
    CASE("gif-future", "GIF90a\1\0\1\0", IMAGE_NONE),
    CASE("webp-lossy", "RIFF\x24\0\0\0WEBPVP8 ", IMAGE_WEBP),
    CASE("webp-lossless", "RIFF\x24\0\0\0WEBPVP8L", IMAGE_WEBP),
    CASE("webp-extended", "RIFF\x24\0\0\0WEBPVP8X", IMAGE_WEBP),
    CASE("wave", "RIFF\x24\0\0\0WAVEfmt ", IMAGE_NONE),
    CASE("tiff-little", "II*\0\x08\0\0\0", IMAGE_TIFF),
    CASE("tiff-big", "MM\0*\0\0\0\x08", IMAGE_TIFF),
    CASE("bigtiff", "II+\0\x08\0\0\0\x10\0\0\0", IMAGE_TIFF),
    CASE("canon-raw", "II*\0\x10\0\0\0CR\2\0", IMAGE_CR2),
    CASE("heic",
         "\0\0\0\x18"
         "ftypheic\0\0\0\0mif1heic",
         IMAGE_HEIC),
    CASE("heic-by-compatible",
         "\0\0\0\x18"
         "ftypmif1\0\0\0\0mif1heic",
         IMAGE_HEIC),
    CASE("avif",
         "\0\0\0\x1c"
         "ftypavif\0\0\0\0avifmif1miaf",
         IMAGE_AVIF),
    CASE("avif-by-compatible",
         "\0\0\0\x1c"
         "ftypmif1\0\0\0\0mif1avifmiaf",
         IMAGE_AVIF),
    CASE("avif-sequence",
         "\0\0\0\x1c"
         "ftypavis\0\0\0\0avismsf1miaf",
         IMAGE_AVIF),
    CASE("heif-unknown",
         "\0\0\0\x14"
         "ftypmif1\0\0\0\0mif1",
         IMAGE_HEIC),
    CASE("film",
         "\0\0\0\x18"
         "ftypisom\0\0\0\0isommp42",
         IMAGE_NONE),
    CASE("film-naming-heic",
         "\0\0\0\x18"
         "ftypisom\0\0\0\0heicisom",
         IMAGE_NONE),
    CASE("brand-outside-box",
         "\0\0\0\x10"
         "ftypmif1\0\0\0\0avif",
         IMAGE_HEIC),
    CASE("jxl-stream", "\xff\x0a\xfa\x7f", IMAGE_JXL),
    CASE("jxl-boxes", "\0\0\0\x0cJXL \r\n\x87\n", IMAGE_JXL),
    CASE("jp2", "\0\0\0\x0cjP  \r\n\x87\n", IMAGE_JP2),
    CASE("psd", "8BPS\0\1", IMAGE_PSD),
    CASE("ico", "\0\0\1\0\1\0", IMAGE_ICO),
    CASE("exr", "\x76\x2f\x31\x01\2\0\0\0", IMAGE_EXR),
    CASE("bmp", "BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0", IMAGE_BMP),
    CASE("bm-text", "BMW cars are made in Bavaria.", IMAGE_NONE),
    CASE("ppm", "P6\n1 1\n255\n", IMAGE_PNM),
    CASE("pgm-comment", "P5 # made by hand\n", IMAGE_PNM),
    CASE("pgm-line-comment", "P5\n# made by hand\n", IMAGE_PNM),
    CASE("pam", "P7\nWIDTH 1\n", IMAGE_PNM),
    CASE("p-text", "P6 players wanted", IMAGE_NONE),
    CASE("svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", IMAGE_SVG),
    CASE("svg-declared", "\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a > b -->\n<svg width='1'>",
         IMAGE_SVG),
    CASE("svg-doctype", "<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN'>",
         IMAGE_SVG),
    CASE("svg-like", "<svgs>", IMAGE_NONE),
    CASE("html", "<!doctype html><html><svg></svg></html>", IMAGE_NONE),
    CASE("xml", "<?xml version='1.0'?><note/>", IMAGE_NONE),
    CASE("text", "hello\n", IMAGE_NONE),
    CASE("elf",
         "\x7f"
         "ELF\2\1\1\0",
         IMAGE_NONE),
    CASE("pdf", "%PDF-1.7\n", IMAGE_NONE),
    CASE("nothing", "", IMAGE_NONE),
};

/* Each case is alone in memory, so that a sanitizer detects each read beyond it. */
static ImageType sniff_copy(const char *bytes, size_t len)
{
    g_autofree char *copy = g_memdup2(bytes, len);
    const FileFormat *format = sniff(copy, len);
    return format != NULL ? format->type : IMAGE_NONE;
}

static void test_unread(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        /* Beginning of the message; NULL: there is none. */
        const char *says;
    } rows[] = {
        {"<svg xmlns=''/>", 15, "SVG is not read; export it"},
        {"8BPS\0\1", 6, "Photoshop (PSD) is not read; export it"},
        {"\0\0\0\x18"
         "ftypcrx \0\0\0\1",
         16, "camera raw of Canon (CR3) is not read; develop it"},
        {"\xff\x0a", 2, "JPEG XL is not read; convert it"},
        {"\xff\xd8\xff\xe0", 4, NULL},
        {"hello", 5, NULL},
        {"", 0, NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const FileFormat *format = sniff(rows[i].bytes, rows[i].len);
        const char *unread = format != NULL ? format->unread : NULL;
        g_assert_true(rows[i].says ? unread && g_str_has_prefix(unread, rows[i].says) : !unread);
    }
}

static void test_type(const void *data)
{
    const Case *row = data;
    g_assert_cmpstr(image_type_name(sniff_copy(row->bytes, row->len)), ==,
                    image_type_name(row->type));
}

/*
 * Each row is complete: a type that is supported can be opened and read, and an unsupported one has
 * a message. Each named type has one row. The daemon and the handler agree on the supported types.
 */
static void test_rows(void)
{
    const FileFormat *format;
    bool has_row[IMAGE_TYPES] = {false};

    for (size_t i = 0; (format = file_format_at(i)) != NULL; i++) {
        g_assert_true(format->magics || format->brands || format->begins);
        g_assert_true((format->open != NULL && format->read != NULL) == (format->unread == NULL));
        g_assert_true((format->unread == NULL) == image_type_is_read(format->type));
        g_assert_true((format->can_write != NULL) == (format->encode != NULL));
        g_assert_true(format->loader_classes == NULL || format->loader != NULL);
        g_assert_false(has_row[format->type]);
        has_row[format->type] = true;
        g_assert_true(file_format_of(format->type) == format);
    }
    for (int type = IMAGE_JPEG; type < IMAGE_TYPES; type++)
        g_assert_true(has_row[type] || type == IMAGE_OTHER);
    g_assert_null(file_format_of(IMAGE_NONE));
    g_assert_null(file_format_of(IMAGE_OTHER));
}

/* With any cut, a file has its type or none, and never another type. */
static void test_cut(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (size_t len = 0; len < cases[i].len; len++) {
            ImageType type = sniff_copy(cases[i].bytes, len);
            bool brand = type == IMAGE_HEIC && cases[i].type == IMAGE_AVIF;
            bool raw = type == IMAGE_TIFF && cases[i].type == IMAGE_CR2;
            if (type != IMAGE_NONE && !brand && !raw)
                g_assert_cmpint(type, ==, cases[i].type);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/sniff/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_type);
    }
    g_test_add_func("/sniff/cut", test_cut);
    g_test_add_func("/sniff/unread", test_unread);
    g_test_add_func("/sniff/rows", test_rows);
    return g_test_run();
}
