/* SPDX-License-Identifier: Apache-2.0 */
#include "base/scan.h"

#include <glib.h>
#include <string.h>

bool scan_number(const char **at, uint64_t max, uint64_t *ret_number)
{
    const char *c = *at;
    uint64_t number = 0;

    if (!g_ascii_isdigit(*c))
        return false;
    for (; g_ascii_isdigit(*c); c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (digit > max || number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *at = c;
    *ret_number = number;
    return true;
}

bool scan_int(const char **at, int max, int *ret_number)
{
    uint64_t number;
    if (!scan_number(at, (uint64_t)max, &number))
        return false;
    *ret_number = (int)number;
    return true;
}

bool scan_text(const char **at, const char *expected)
{
    size_t len = strlen(expected);
    if (strncmp(*at, expected, len) != 0)
        return false;
    *at += len;
    return true;
}

void scan_blanks(const char **at)
{
    *at += strspn(*at, " \t");
}
