#include "layout.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <xxhash.h>

uint64_t layout_key_hash(const char *key)
{
    return XXH3_64bits(key, strlen(key));
}

/* At most `max` bytes of `name`, and no half of a UTF-8 character (of 4 bytes at the most). */
static size_t cut_length(const char *name, size_t max)
{
    size_t len = max;

    while (max - len < 3 && ((unsigned char)name[len] & 0xc0) == 0x80)
        len--;
    return len;
}

char *layout_thumbnail_path(const char *rendition, const char *key, ImageType type)
{
    const char *extension = image_type_extension(type);
    const char *slash = strrchr(key, '/');
    const char *name = slash ? slash + 1 : key;

    if (strlen(name) + 1 + strlen(extension) <= NAME_MAX)
        return g_strdup_printf("%s/%s.%s", rendition, key, extension);

    const size_t hash_len = 1 + 16;
    size_t keep = cut_length(name, NAME_MAX - hash_len - 1 - strlen(extension));
    return g_strdup_printf("%s/%.*s%.*s~%016" PRIx64 ".%s", rendition, (int)(name - key), key,
                           (int)keep, name, layout_key_hash(key), extension);
}

char *layout_thumbnail_key(const char *prefix, const char *rendition, const char *key,
                           ImageType type)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    return g_strdup_printf("%s/%s", prefix, path);
}

char *layout_below_bucket(const char *bucket, const char *path)
{
    g_autofree char *full = g_canonicalize_filename(path, bucket);
    size_t len = strcmp(bucket, "/") != 0 ? strlen(bucket) : 0;
    bool inside = strncmp(full, bucket, len) == 0 && full[len] == '/' && full[len + 1] != '\0';

    return g_strdup(inside ? full + len + 1 : full);
}
