/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reserve.h"

#include "base/error.h"
#include "base/units.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#define BYTES_MAX (INT64_C(1) << 50)

static bool parse_percent(const char *text, size_t len, double *ret_percent)
{
    g_autofree char *digits = g_strndup(text, len);
    char *end;
    double percent = g_ascii_strtod(digits, &end);

    /* strtod would also accept signs, exponents and hexadecimal digits. */
    if (len == 0 || *end != '\0' || strspn(digits, "0123456789.") != len || percent >= 100)
        return false;
    *ret_percent = percent;
    return true;
}

bool reserve_parse(const char *text, Reserve *ret_reserve, GError **error)
{
    size_t len = strlen(text);
    Reserve reserve = {0};
    bool parsed = g_str_has_suffix(text, "%") ? parse_percent(text, len - 1, &reserve.percent)
                                              : units_parse_bytes(text, &reserve.bytes, NULL);

    if (!parsed || reserve.bytes > BYTES_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s' is no part of a disk; write 1%%, or 500M and the like, up to 1024T, or 0",
                    text);
        return false;
    }
    *ret_reserve = reserve;
    return true;
}

char *reserve_format(const Reserve *reserve)
{
    static const char suffixes[] = "KMGT";
    int64_t bytes = reserve->bytes;
    size_t i = 0;

    if (reserve->percent > 0) {
        char number[G_ASCII_DTOSTR_BUF_SIZE];
        if (g_ascii_strtod(g_ascii_formatd(number, sizeof number, "%.6g", reserve->percent),
                           NULL) != reserve->percent)
            (void)g_ascii_dtostr(number, sizeof number, reserve->percent);
        return g_strconcat(number, "%", NULL);
    }
    while (bytes != 0 && i < strlen(suffixes) && bytes % 1024 == 0) {
        bytes /= 1024;
        i++;
    }
    return g_strdup_printf("%" G_GINT64_FORMAT "%.1s", bytes, i > 0 ? &suffixes[i - 1] : "");
}

bool reserve_read(const Reserve *reserve, int fd, ReserveSpace *ret_space)
{
    struct statvfs fs;

    errno = 0;
    if (fstatvfs(fd, &fs) != 0 || fs.f_blocks == 0)
        return false;
    ReserveSpace space = {.free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize,
                          .all_bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize,
                          .reserve_bytes = reserve->bytes};
    if (reserve->percent > 0)
        space.reserve_bytes = (int64_t)((double)space.all_bytes * reserve->percent / 100);
    space.is_low = space.free_bytes < space.reserve_bytes;
    *ret_space = space;
    return true;
}
