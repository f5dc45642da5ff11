/* SPDX-License-Identifier: Apache-2.0 */
#include "views/csv.h"

#include <stdio.h>
#include <string.h>

static bool is_raw;

void csv_set_raw(bool raw)
{
    is_raw = raw;
}

static bool is_number(const char *field)
{
    const char *digits = field + (*field == '-' || *field == '+');

    return *digits != '\0' && strspn(digits, "0123456789.") == strlen(digits);
}

/* Checks that a spreadsheet would take the text for a formula (OWASP, "CSV Injection"). */
static bool is_formula(const char *field)
{
    return *field != '\0' && strchr("=+-@\t\r", *field) && !is_number(field);
}

/* Prints a field of CSV, quoted if it must be. A formula is made harmless unless --raw was given.
 * */
static void print_field(const char *text)
{
    g_autofree char *safe = !is_raw && is_formula(text) ? g_strconcat("'", text, NULL) : NULL;
    const char *field = safe ? safe : text;

    if (!strpbrk(field, ",\"\r\n")) {
        fputs(field, stdout);
        return;
    }
    putchar('"');
    for (const char *at = field; *at; at++) {
        if (*at == '"')
            putchar('"');
        putchar(*at);
    }
    putchar('"');
}

void csv_print(const char *const *fields, size_t n_fields)
{
    for (size_t i = 0; i < n_fields; i++) {
        if (i > 0)
            putchar(',');
        if (fields[i])
            print_field(fields[i]);
    }
    putchar('\n');
}
