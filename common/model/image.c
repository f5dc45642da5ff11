/* SPDX-License-Identifier: Apache-2.0 */
#include "model/image.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define ENDINGS_MAX 3
#define STARTS_MAX  2

/* The first bytes of a file; '?' stands for any byte. */
typedef struct {
    const char *bytes;
    size_t len;
} Start;

#define START(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* One row per type. A zero means that the type does not have the value. */
static const struct {
    const char *name;
    /*
     * Extension of thumbnails, without the dot; NULL for a type that is never written. A further
     * extension moves thumbnails of existing buckets, because folders whose names end with one are
     * escaped (layout.c).
     */
    const char *extension;
    /* Endings of file names that probably are of this type. */
    const char *endings[ENDINGS_MAX];
    /* For types with an extension: each thumbnail of this type begins with one of these. */
    Start starts[STARTS_MAX];
    bool is_read;
    /* A file may be an animation; all of its frames are read. */
    bool can_move;
    /*
     * Raised by one when the handler makes a different picture from some files of this type than
     * before: thumbnails of this type, and no others, are then made again. See rendition_recipe.
     */
    int revision;
} types[IMAGE_TYPES] = {
    [IMAGE_NONE] = {"none"},
    [IMAGE_JPEG] = {"jpeg",
                    "jpg",
                    {".jpg", ".jpeg", ".jpe"},
                    {START("\xff\xd8\xff")},
                    .is_read = true,
                    .revision = 3},
    [IMAGE_PNG] =
        {"png", "png", {".png"}, {START("\x89PNG\r\n\x1a\n")}, .is_read = true, .revision = 3},
    [IMAGE_WEBP] = {"webp",
                    "webp",
                    {".webp"},
                    {START("RIFF????WEBP")},
                    .is_read = true,
                    .can_move = true,
                    .revision = 1},
    [IMAGE_GIF] =
        {"gif", "gif", {".gif"}, {START("GIF8")}, .is_read = true, .can_move = true, .revision = 2},
    [IMAGE_TIFF] = {"tiff",
                    "tif",
                    {".tif", ".tiff"},
                    {START("II*\0"), START("MM\0*")},
                    .is_read = true,
                    .revision = 5},
    [IMAGE_HEIC] =
        {"heic", "heic", {".heic", ".heif"}, {START("????ftyphe")}, .is_read = true, .revision = 5},
    [IMAGE_AVIF] =
        {"avif", "avif", {".avif"}, {START("????ftypavi")}, .is_read = true, .revision = 5},
    [IMAGE_JXL] = {"jxl", "jxl", {".jxl"}, {START("\xff\x0a"), START("\0\0\0\x0cJXL ")}},
    [IMAGE_OTHER] = {"other"},
    [IMAGE_CR2] = {"cr2"},
    [IMAGE_CR3] = {"cr3"},
    [IMAGE_ORF] = {"orf"},
    [IMAGE_RW2] = {"rw2"},
    [IMAGE_RAF] = {"raf"},
    [IMAGE_JP2] = {"jp2"},
    [IMAGE_JXR] = {"jxr"},
    [IMAGE_PSD] = {"psd"},
    [IMAGE_XCF] = {"xcf"},
    [IMAGE_ICO] = {"ico"},
    [IMAGE_CUR] = {"cur"},
    [IMAGE_EXR] = {"exr"},
    [IMAGE_HDR] = {"hdr"},
    [IMAGE_FITS] = {"fits"},
    [IMAGE_DDS] = {"dds"},
    [IMAGE_QOI] = {"qoi"},
    [IMAGE_BPG] = {"bpg"},
    [IMAGE_DJVU] = {"djvu"},
    [IMAGE_BMP] = {"bmp"},
    [IMAGE_PNM] = {"pnm"},
    [IMAGE_SVG] = {"svg"},
};

const char *image_type_name(ImageType type)
{
    return (size_t)type < IMAGE_TYPES ? types[type].name : "unknown";
}

const char *image_date_source(const ImageFacts *facts)
{
    static const char *const names[DATE_SOURCES] = {"exif", "xmp", "png"};

    return facts->has_date && (size_t)facts->date_source < DATE_SOURCES ? names[facts->date_source]
                                                                        : "mtime";
}

bool image_type_from_name(const char *name, ImageType *ret_type)
{
    for (size_t i = 0; i < IMAGE_TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *ret_type = (ImageType)i;
            return true;
        }
    }
    return false;
}

bool image_type_from_extension(const char *extension, ImageType *ret_type)
{
    for (size_t i = 0; i < IMAGE_TYPES; i++) {
        const char *own = types[i].extension;
        if (own && strcmp(own, extension) == 0) {
            *ret_type = (ImageType)i;
            return true;
        }
    }
    return false;
}

bool image_type_is_read(ImageType type)
{
    return (size_t)type < IMAGE_TYPES && types[type].is_read;
}

bool image_type_can_move(ImageType type)
{
    return (size_t)type < IMAGE_TYPES && types[type].can_move;
}

int image_type_revision(ImageType type)
{
    return (size_t)type < IMAGE_TYPES ? types[type].revision : 0;
}

const char *image_type_extension(ImageType type)
{
    const char *extension = (size_t)type < IMAGE_TYPES ? types[type].extension : NULL;

    return extension ? extension : "bin";
}

static bool ends_with(const char *name, const char *ending)
{
    size_t len = strlen(name), ending_len = strlen(ending);

    return len > ending_len && strcasecmp(name + len - ending_len, ending) == 0;
}

ImageType image_type_from_name_ending(const char *name)
{
    for (size_t type = 0; type < IMAGE_TYPES; type++) {
        const char *const *endings = types[type].endings;
        for (size_t i = 0; i < ENDINGS_MAX && endings[i]; i++) {
            if (ends_with(name, endings[i]))
                return (ImageType)type;
        }
    }
    return IMAGE_NONE;
}

bool image_is_named(const char *name)
{
    return image_type_from_name_ending(name) != IMAGE_NONE;
}

/* Checks that the file begins with these bytes; '?' stands for any byte. */
static bool has_start(const Start *start, const uint8_t *data, size_t len)
{
    if (!start->bytes || len < start->len)
        return false;
    for (size_t i = 0; i < start->len; i++) {
        if (start->bytes[i] != '?' && (uint8_t)start->bytes[i] != data[i])
            return false;
    }
    return true;
}

bool image_type_begins(ImageType type, const void *data, size_t len)
{
    bool begins = false;

    for (size_t i = 0; (size_t)type < IMAGE_TYPES && i < STARTS_MAX; i++)
        begins |= has_start(&types[type].starts[i], data, len);
    return begins;
}

char *image_etag(const ImageFacts *facts)
{
    if (!facts->etag[0] && !facts->etag[1])
        return NULL;
    return g_strdup_printf("%016" PRIx64 "%016" PRIx64, facts->etag[1], facts->etag[0]);
}
