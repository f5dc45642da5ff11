/* SPDX-License-Identifier: Apache-2.0 */
#include "model/object.h"

#include "base/plain_text.h"

#include <string.h>

bool object_version_equal(const ObjectVersion *a, const ObjectVersion *b)
{
    return a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

static int64_t timespec_ns(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

void object_version_from_stat(const struct stat *st, ObjectVersion *ret_version)
{
    *ret_version = (ObjectVersion){
        .ino = st->st_ino,
        .size = st->st_size,
        .mtime_ns = timespec_ns(&st->st_mtim),
        .ctime_ns = timespec_ns(&st->st_ctim),
    };
}

bool object_key_is_valid(const char *key)
{
    size_t component = 0;
    size_t len = strlen(key);

    if (len == 0 || len > OBJECT_KEY_MAX)
        return false;
    for (const char *p = key;; p++) {
        if (*p != '/' && *p != '\0') {
            component++;
            continue;
        }
        bool is_dots =
            (component == 1 && p[-1] == '.') || (component == 2 && p[-1] == '.' && p[-2] == '.');
        if (component == 0 || is_dots)
            return false;
        if (*p == '\0')
            return true;
        component = 0;
    }
}

bool object_key_is_below(const char *key, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(key, prefix, len) == 0 && (key[len] == '\0' || key[len] == '/');
}

/* True if the key can be printed unchanged: it is UTF-8, and all characters are visible. */
static bool is_plain_text(const char *key)
{
    if (!g_utf8_validate(key, -1, NULL))
        return false;
    for (const char *p = key; *p; p = g_utf8_next_char(p)) {
        if (plain_text_is_hidden(g_utf8_get_char(p)))
            return false;
    }
    return true;
}

char *object_key_to_text(const char *key, bool *ret_encoded)
{
    bool encoded = !is_plain_text(key);

    if (ret_encoded)
        *ret_encoded = encoded;
    if (!encoded)
        return g_strdup(key);

    GString *text = g_string_sized_new(strlen(key) + 16);
    for (const char *p = key; *p;) {
        gunichar c = g_utf8_get_char_validated(p, -1);
        bool is_character = c != (gunichar)-1 && c != (gunichar)-2;
        if (is_character && !plain_text_is_hidden(c) && c != '%') {
            g_string_append_unichar(text, c);
            p = g_utf8_next_char(p);
            continue;
        }
        size_t n = is_character ? (size_t)(g_utf8_next_char(p) - p) : 1;
        for (size_t i = 0; i < n; i++)
            g_string_append_printf(text, "%%%02X", (unsigned char)p[i]);
        p += n;
    }
    return g_string_free(text, FALSE);
}

char *object_key_from_text(const char *text)
{
    g_autoptr(GString) key = g_string_sized_new(strlen(text));

    for (const char *p = text; *p; p++) {
        if (*p != '%') {
            g_string_append_c(key, *p);
            continue;
        }
        int high = g_ascii_xdigit_value(p[1]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(p[2]);
        if (low < 0 || (high == 0 && low == 0))
            return NULL;
        g_string_append_c(key, (char)(high << 4 | low));
        p += 2;
    }
    if (!object_key_is_valid(key->str))
        return NULL;
    return g_string_free(g_steal_pointer(&key), FALSE);
}

const char *object_prefix_bare(const char *prefix)
{
    for (;;) {
        if (*prefix == '/')
            prefix++;
        else if (prefix[0] == '.' && prefix[1] == '/')
            prefix += 2;
        else
            return prefix;
    }
}

bool object_prefix_is_possible(const char *prefix)
{
    return object_prefix_bare(prefix) == prefix;
}
