/* SPDX-License-Identifier: Apache-2.0 */
#include "base/units.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

typedef struct {
    const char *suffix;
    double factor;
} Unit;

/* Skips digits with an optional decimal part. strtod alone would accept signs, exponents and 0x. */
static bool skip_decimal(const char *text, const char **ret_end)
{
    const char digits[] = "0123456789";
    size_t whole = strspn(text, digits);
    size_t part = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;

    *ret_end = text + whole + (part > 0 ? 1 + part : 0);
    /*
     * "1e3" is refused: strtod would read the letter as part of the number, but the letter is no
     * unit.
     */
    return whole > 0 && g_ascii_tolower(**ret_end) != 'e' && g_ascii_tolower(**ret_end) != 'x';
}

/* Parses the whole text as a number and a suffix of `units`. */
static bool parse_quantity(const char *text, const Unit *units, size_t n_units, int64_t *ret_value)
{
    const char *end;

    if (!skip_decimal(text, &end))
        return false;
    double number = g_ascii_strtod(text, NULL);
    for (size_t i = 0; i < n_units; i++) {
        if (g_ascii_strcasecmp(end, units[i].suffix) != 0)
            continue;
        double value = number * units[i].factor;
        if (!isfinite(value) || value > 9.0e18)
            return false;
        *ret_value = (int64_t)llround(value);
        return true;
    }
    return false;
}

static bool refuse(const char *text, const char *kind, GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is no %s", text, kind);
    return false;
}

#define KIB 1024.0

bool units_parse_bytes(const char *text, int64_t *ret_bytes, GError **error)
{
    static const Unit units[] = {
        {"", 1},
        {"B", 1},
        {"K", KIB},
        {"KB", KIB},
        {"KiB", KIB},
        {"M", KIB * KIB},
        {"MB", KIB * KIB},
        {"MiB", KIB * KIB},
        {"G", KIB * KIB * KIB},
        {"GB", KIB * KIB * KIB},
        {"GiB", KIB * KIB * KIB},
        {"T", KIB * KIB * KIB * KIB},
        {"TB", KIB * KIB * KIB * KIB},
        {"TiB", KIB * KIB * KIB * KIB},
    };
    return parse_quantity(text, units, G_N_ELEMENTS(units), ret_bytes) ||
           refuse(text, "size; write 512, 10K, 2M or 1G", error);
}

bool units_parse_count(const char *text, int64_t *ret_count, GError **error)
{
    static const Unit units[] = {{"", 1}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}};
    return parse_quantity(text, units, G_N_ELEMENTS(units), ret_count) ||
           refuse(text, "number; write 200, 10K or 150M", error);
}

bool units_is_bare_number(const char *text)
{
    const char *end;

    return skip_decimal(text, &end) && *end == '\0';
}

bool units_parse_duration(const char *text, int64_t *ret_us, GError **error)
{
    static const Unit units[] = {{"us", 1},    {"ms", 1e3},    {"s", 1e6},     {"m", 6e7},
                                 {"h", 3.6e9}, {"d", 8.64e10}, {"w", 6.048e11}};

    if (parse_quantity(text, units, G_N_ELEMENTS(units), ret_us))
        return true;
    if (!units_is_bare_number(text))
        return refuse(text, "duration; write 500ms, 15s, 2m, 1h or 30d", error);
    if (g_ascii_strtod(text, NULL) == 0) {
        /* Zero needs no unit. */
        *ret_us = 0;
        return true;
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                "'%s' has no unit; write %ss (seconds), %sm (minutes), %sh (hours) or %sd (days)",
                text, text, text, text, text);
    return false;
}

char *units_format_bytes(int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / KIB;
    size_t i = 0;

    if (bytes < 1024)
        return g_strdup_printf("%d B", (int)bytes);
    while (value >= 999.95 && i + 1 < G_N_ELEMENTS(units)) {
        value /= KIB;
        i++;
    }
    return g_strdup_printf("%.1f %s", value, units[i]);
}

int64_t units_mebibytes(int64_t bytes)
{
    return (bytes + (1 << 20) - 1) >> 20;
}

char *units_format_count(int64_t count)
{
    g_autofree char *digits = g_strdup_printf("%" G_GINT64_FORMAT, count);
    GString *text = g_string_new(NULL);
    size_t len = strlen(digits);

    for (size_t i = 0; i < len; i++) {
        g_string_append_c(text, digits[i]);
        size_t left = len - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-')
            g_string_append_c(text, ',');
    }
    return g_string_free(text, FALSE);
}

#define NEAREST_LENGTH_MAX 63

/* Returns the Levenshtein distance of two texts of at most NEAREST_LENGTH_MAX bytes. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NEAREST_LENGTH_MAX + 1];
    size_t len_b = strlen(b);

    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t substitution = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(substitution, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[len_b];
}

const char *units_nearest(const char *text, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    size_t best = MAX(2, strlen(text) / 3) + 1;

    if (strlen(text) > NEAREST_LENGTH_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) > NEAREST_LENGTH_MAX)
            continue;
        size_t distance = edit_distance(text, names[i]);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
