/* SPDX-License-Identifier: Apache-2.0 */
#include "model/layout.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <xxhash.h>

/* Digits of the hash at the end of a name that was cut: 128 bits. */
#define CUT_DIGITS 32

uint64_t layout_key_hash(const char *key)
{
    return XXH3_64bits(key, strlen(key));
}

/*
 * Returns the length of `name` cut to at most `max` bytes, without splitting a UTF-8 character (at
 * most 4 bytes).
 */
static size_t cut_length(const char *name, size_t max)
{
    size_t len = max;

    while (max - len < 3 && ((unsigned char)name[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/*
 * True if the name could be that of a thumbnail, with any number of '~' behind it. Capitals count
 * as small letters, since some file systems do not distinguish them.
 */
static bool is_named_as_thumbnail(const char *name, size_t len)
{
    while (len > 0 && name[len - 1] == '~')
        len--;
    for (int type = IMAGE_NONE; type < IMAGE_TYPES; type++) {
        const char *extension = image_type_extension((ImageType)type);
        size_t n = strlen(extension);
        if (len > n && name[len - n - 1] == '.' &&
            g_ascii_strncasecmp(name + len - n, extension, n) == 0)
            return true;
    }
    return false;
}

bool layout_parse_cut(const char *name, size_t len, size_t *ret_kept)
{
    if (len <= CUT_DIGITS || name[len - CUT_DIGITS - 1] != '~')
        return false;
    for (size_t i = len - CUT_DIGITS; i < len; i++) {
        if (!g_ascii_isdigit(name[i]) && (name[i] < 'a' || name[i] > 'f'))
            return false;
    }
    *ret_kept = len - CUT_DIGITS - 1;
    return true;
}

/* Uploaders choose the names, so the hash must be one for which they cannot find collisions. */
static void append_hash(GString *path, const char *key, size_t len)
{
    g_autofree char *digest =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)key, len);

    g_string_append_c(path, '~');
    g_string_append_len(path, digest, CUT_DIGITS);
}

/*
 * Appends the component of `len` bytes at `start` of `key`: a folder, or a file if there is an
 * extension.
 */
static void append_component(GString *path, const char *key, size_t start, size_t len,
                             const char *extension)
{
    const char *name = key + start;
    const char *dot = extension ? "." : "";
    const char *escape = !extension && is_named_as_thumbnail(name, len) ? "~" : "";
    size_t end = extension ? 1 + strlen(extension) : 0;
    size_t kept;

    if (len + strlen(escape) + end <= NAME_MAX && !layout_parse_cut(name, len, &kept)) {
        g_string_append_len(path, name, (gssize)len);
        g_string_append(path, escape);
    } else {
        size_t most = NAME_MAX - CUT_DIGITS - 1 - end;
        kept = len <= most ? len : cut_length(name, most);
        g_string_append_len(path, name, (gssize)kept);
        append_hash(path, key, start + len);
    }
    g_string_append(path, dot);
    g_string_append(path, extension ? extension : "");
}

char *layout_thumbnail_path(const char *rendition, const char *key, ImageType type)
{
    g_autoptr(GString) path = g_string_new(rendition);
    size_t start = 0;

    for (const char *slash; (slash = strchr(key + start, '/')); start = (size_t)(slash - key) + 1) {
        g_string_append_c(path, '/');
        append_component(path, key, start, (size_t)(slash - key) - start, NULL);
    }
    g_string_append_c(path, '/');
    append_component(path, key, start, strlen(key + start), image_type_extension(type));
    return g_string_free(g_steal_pointer(&path), FALSE);
}

char *layout_old_thumbnail_path(const char *rendition, const char *key, ImageType type)
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

size_t layout_parse_folder(const char *name, size_t len)
{
    return len > 0 && name[len - 1] == '~' && is_named_as_thumbnail(name, len) ? len - 1 : len;
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
