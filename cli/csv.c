#include "csv.h"

#include <stdio.h>
#include <string.h>

static void print_field(const char *field)
{
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
