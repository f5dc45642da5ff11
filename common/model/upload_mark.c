/* SPDX-License-Identifier: Apache-2.0 */
#include "model/upload_mark.h"

#include <string.h>
#include <sys/xattr.h>

void upload_mark_append_state(GString *out, const struct stat *st)
{
    g_string_append_printf(out, "%lld %lld.%09ld %llu", (long long)st->st_size,
                           (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                           (unsigned long long)st->st_ino);
}

static bool is_key(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isalnum(text[i]))
            return false;
    }
    return len > 0 && len < UPLOAD_MARK_KEY_MAX;
}

bool upload_mark_parse_key(const char *text, size_t len, const struct stat *st,
                           char ret_key[static UPLOAD_MARK_KEY_MAX])
{
    g_autofree char *copy = g_strndup(text, len);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", 5);
    g_autoptr(GString) state = g_string_new(NULL);

    upload_mark_append_state(state, st);
    if (g_strv_length(lines) < 5 || strcmp(lines[0], UPLOAD_MARK_FIRST) != 0 ||
        strcmp(lines[1], state->str) != 0 || !is_key(lines[3]))
        return false;
    g_strlcpy(ret_key, lines[3], UPLOAD_MARK_KEY_MAX);
    return true;
}

bool upload_mark_read_key(int fd, const struct stat *st, char ret_key[static UPLOAD_MARK_KEY_MAX])
{
    char text[UPLOAD_MARK_MAX];
    ssize_t len = fgetxattr(fd, UPLOAD_MARK_ATTRIBUTE, text, sizeof text);

    return len > 0 && upload_mark_parse_key(text, (size_t)len, st, ret_key);
}
