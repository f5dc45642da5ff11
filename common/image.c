/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include <glib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    const char *extension;
} types[IMAGE_TYPES] = {
    [IMAGE_NONE] = {"none", "bin"},  [IMAGE_JPEG] = {"jpeg", "jpg"},
    [IMAGE_PNG] = {"png", "png"},    [IMAGE_WEBP] = {"webp", "webp"},
    [IMAGE_GIF] = {"gif", "gif"},    [IMAGE_TIFF] = {"tiff", "tif"},
    [IMAGE_HEIC] = {"heic", "heic"}, [IMAGE_AVIF] = {"avif", "avif"},
    [IMAGE_JXL] = {"jxl", "jxl"},    [IMAGE_OTHER] = {"other", "bin"},
};

const char *image_type_name(ImageType type)
{
    return (size_t)type < IMAGE_TYPES ? types[type].name : "unknown";
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

bool image_type_is_read(ImageType type)
{
    return type >= IMAGE_JPEG && type <= IMAGE_AVIF;
}

const char *image_type_extension(ImageType type)
{
    return (size_t)type < IMAGE_TYPES ? types[type].extension : "bin";
}

bool image_is_named(const char *name)
{
    static const char *const endings[] = {
        ".jpg", ".jpeg", ".jpe",  ".png",  ".webp", ".gif",
        ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl",
    };
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending_len = strlen(endings[i]);
        if (len > ending_len && strcasecmp(name + len - ending_len, endings[i]) == 0)
            return true;
    }
    return false;
}
