/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config_option.h"
#include "base/clock.h"

#include "base/capacity.h"
#include "base/error.h"
#include "base/scan.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Limit of any small number; the range of the option is checked afterwards. */
#define NUMBER_MAX 99999

/*
 * Fails if the value is outside the option's range; the error has the range in the option's unit.
 */
static bool check_range(const ConfigOption *option, int64_t value, const char *text, GError **error)
{
    if (value >= option->min && value <= option->max)
        return true;

    if (option->type == OPTION_BYTES) {
        g_autofree char *min = units_format_bytes(option->min);
        g_autofree char *max = units_format_bytes(option->max);
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is not between %s and %s", text, min,
                    max);
    } else if (option->type == OPTION_DURATION) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is not between %.3g s and %.10g s",
                    text, (double)option->min / CLOCK_US_PER_SEC,
                    (double)option->max / CLOCK_US_PER_SEC);
    } else {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s' is not between %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT, text,
                    option->min, option->max);
    }
    return false;
}

/* Parses a number that is usually written without a suffix; a suffix is allowed. */
static bool parse_small(const ConfigOption *option, const char *text, int64_t *ret_value,
                        GError **error)
{
    if (units_parse_count(text, ret_value, NULL))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                "'%s' is no number; write %s%" PRId64 " to %" PRId64, text,
                option->type == OPTION_CORES ? "auto, or " : "", option->min, option->max);
    return false;
}

static bool parse_number(const ConfigOption *option, const char *text, int64_t *ret_value,
                         GError **error)
{
    int64_t value;
    bool parsed;

    if (option->type == OPTION_BYTES)
        parsed = units_parse_bytes(text, &value, error);
    else if (option->type == OPTION_DURATION)
        parsed = units_parse_duration(text, &value, error);
    else if (option->type == OPTION_CORES || option->type == OPTION_INT)
        parsed = parse_small(option, text, &value, error);
    else
        parsed = units_parse_count(text, &value, error);
    if (!parsed || !check_range(option, value, text, error))
        return false;
    *ret_value = value;
    return true;
}

static bool parse_concurrency(const ConfigOption *option, const char *text,
                              Concurrency *ret_concurrency, GError **error)
{
    bool is_auto = strcmp(text, "auto") == 0;
    Capacity capacity;
    int64_t most;

    if (is_auto) {
        capacity_read("", &capacity);
        most = MIN(capacity_processors(&capacity), option->max);
    } else if (!parse_number(option, text, &most, error)) {
        return false;
    }
    *ret_concurrency = (Concurrency){.most = (int)most, .is_auto = is_auto};
    return true;
}

/* Parses "source", or the three octal digits of a mode with an optional 0 before them. */
static bool parse_mode(const ConfigOption *option, const char *text, int *ret_mode, GError **error)
{
    const char *digits = text[0] == '0' ? text + 1 : text;

    if (strcmp(text, "source") == 0) {
        *ret_mode = -1;
        return true;
    }
    guint64 mode = g_ascii_strtoull(digits, NULL, 8);
    if (strlen(digits) != 3 || strspn(digits, "0246") != 3 || mode < (guint64)option->min ||
        mode > (guint64)option->max) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s' is no mode; write source, or 0644, 0640, 0600 and the like", text);
        return false;
    }
    *ret_mode = (int)mode;
    return true;
}

static bool parse_size(const ConfigOption *option, const char *text, Rendition *rendition,
                       GError **error)
{
    int width, height;
    const char *at = text;

    if (!scan_int(&at, NUMBER_MAX, &width) || !scan_text(&at, "x") ||
        !scan_int(&at, NUMBER_MAX, &height) || *at) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is no size; write 256x256", text);
        return false;
    }
    if (!check_range(option, width, text, error) || !check_range(option, height, text, error))
        return false;
    rendition->width = width;
    rendition->height = height;
    return true;
}

static bool parse_color(const char *text, uint32_t *ret_color, GError **error)
{
    if (text[0] == '#' && strlen(text) == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6) {
        *ret_color = (uint32_t)g_ascii_strtoull(text + 1, NULL, 16);
        return true;
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is no colour; write #ffffff", text);
    return false;
}

/*
 * Finds the number of a name. The caller passes the field of an enum as an int, as which the ABI
 * stores it.
 */
static bool parse_enum(const Names *values, const char *text, int *ret_value, GError **error)
{
    g_autofree const char **names = g_new(const char *, (size_t)values->n);

    for (int i = 0; i < values->n; i++) {
        names[i] = names_get(values, i);
        if (strcmp(names[i], text) == 0) {
            *ret_value = i;
            return true;
        }
    }
    const char *nearest = units_nearest(text, names, (size_t)values->n);
    g_autofree char *hint = nearest ? g_strdup_printf("; did you mean '%s'?", nearest) : NULL;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "unknown value '%s'%s", text, hint ? hint : "");
    return false;
}

static bool parse_double(const char *text, double *ret_number, GError **error)
{
    char *end;
    double number = g_ascii_strtod(text, &end);

    /* strtod would also accept spaces, "inf" and hexadecimal digits. */
    if (*text == '\0' || *end != '\0' || strspn(text, "0123456789.+-eE") != strlen(text) ||
        number > (double)G_MAXINT64 || number < (double)G_MININT64) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is no number", text);
        return false;
    }
    *ret_number = number;
    return true;
}

/* Parses "2 of 3". */
static bool parse_datapoints(const ConfigOption *option, const char *text,
                             Datapoints *ret_datapoints, GError **error)
{
    Datapoints datapoints;
    const char *at = text;

    if (!scan_int(&at, NUMBER_MAX, &datapoints.breaching) || !scan_text(&at, " of ") ||
        !scan_int(&at, NUMBER_MAX, &datapoints.of) || *at) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is not 'M of N'; write 2 of 3", text);
        return false;
    }
    if (datapoints.breaching < option->min || datapoints.breaching > datapoints.of ||
        datapoints.of > option->max) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s': M is from 1 to N, and N is at most %" G_GINT64_FORMAT, text,
                    option->max);
        return false;
    }
    *ret_datapoints = datapoints;
    return true;
}

/* Parses "none", or names separated by ','. */
static bool parse_bits(const Names *values, const char *text, unsigned *ret_bits, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text, ",", values->n + 1);
    unsigned bits = 0;

    if (strcmp(text, "none") == 0) {
        *ret_bits = 0;
        return true;
    }
    for (char **name = names; *name; name++) {
        int bit;
        if (!parse_enum(values, g_strstrip(*name), &bit, error))
            return false;
        bits |= 1U << bit;
    }
    if (bits == 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the value is empty; write none");
        return false;
    }
    *ret_bits = bits;
    return true;
}

static bool parse_bool(const char *text, bool *ret_value, GError **error)
{
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "'%s' is neither yes nor no", text);
        return false;
    }
    *ret_value = text[0] == 'y';
    return true;
}

static char *format_bits(const Names *values, unsigned bits)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (int bit = 0; bit < values->n; bit++) {
        if (bits & 1U << bit)
            g_string_append_printf(text, "%s%s", text->len > 0 ? "," : "", names_get(values, bit));
    }
    return g_strdup(bits == 0 ? "none" : text->str);
}

static bool parse_text(const ConfigOption *option, const char *text, char **field, GError **error)
{
    if ((int64_t)strlen(text) < option->min) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the value is empty");
        return false;
    }
    if ((int64_t)strlen(text) > option->max) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "the value has more than %" G_GINT64_FORMAT " characters", option->max);
        return false;
    }
    g_free(*field);
    *field = g_strdup(text);
    return true;
}

/* Parses a list of patterns with semicolons between them. */
static bool parse_patterns(const ConfigOption *option, const char *text, GStrv *field,
                           GError **error)
{
    g_autofree char *checked = NULL;

    if (!parse_text(option, text, &checked, error))
        return false;
    g_strfreev(*field);
    *field = g_strsplit(checked, ";", -1);
    for (char **pattern = *field; *pattern; pattern++)
        /* Without this the second pattern of "*.a; *.b" would begin with a blank. */
        (void)g_strstrip(*pattern);
    return true;
}

bool config_option_parse(const ConfigOption *option, const char *text, void *base, GError **error)
{
    void *field = (char *)base + option->offset;
    int64_t number;

    switch (option->type) {
    case OPTION_TEXT:
        return parse_text(option, text, field, error);
    case OPTION_PATTERNS:
        return parse_patterns(option, text, field, error);
    case OPTION_SIZE:
        return parse_size(option, text, base, error);
    case OPTION_COLOR:
        return parse_color(text, field, error);
    case OPTION_ENUM:
        return parse_enum(option->names, text, field, error);
    case OPTION_NUMBER:
        return parse_double(text, field, error);
    case OPTION_DATAPOINTS:
        return parse_datapoints(option, text, field, error);
    case OPTION_BOOL:
        return parse_bool(text, field, error);
    case OPTION_BITS:
        return parse_bits(option->names, text, field, error);
    case OPTION_MODE:
        return parse_mode(option, text, field, error);
    case OPTION_RESERVE:
        return reserve_parse(text, field, error);
    case OPTION_CORES:
        return parse_concurrency(option, text, field, error);
    case OPTION_INT:
        if (!parse_number(option, text, &number, error))
            return false;
        *(int *)field = (int)number;
        return true;
    case OPTION_COUNT:
    case OPTION_BYTES:
    case OPTION_DURATION:
        return parse_number(option, text, field, error);
    }
    g_assert_not_reached();
}

/* Formats the value in the largest unit that divides it. */
static char *format_exact(int64_t value, int64_t step, const char *const *suffixes, size_t n)
{
    size_t i = 0;

    while (value != 0 && i + 1 < n && value % step == 0) {
        value /= step;
        i++;
    }
    return g_strdup_printf("%" G_GINT64_FORMAT "%s", value, suffixes[i]);
}

static char *format_duration(int64_t us)
{
    static const struct {
        int64_t us;
        const char *suffix;
    } units[] = {{CLOCK_DAY_US, "d"},     {CLOCK_HOUR_US, "h"}, {CLOCK_MINUTE_US, "m"},
                 {CLOCK_US_PER_SEC, "s"}, {1000, "ms"},         {1, "us"}};

    for (size_t i = 0; us != 0 && i < G_N_ELEMENTS(units); i++) {
        if (us % units[i].us == 0)
            return g_strdup_printf("%" G_GINT64_FORMAT "%s", us / units[i].us, units[i].suffix);
    }
    return g_strdup("0");
}

/* Formats the number as briefly as possible so that parsing returns the same number. */
static char *format_double(double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (g_ascii_strtod(g_ascii_formatd(text, sizeof text, "%.6g", number), NULL) != number)
        (void)g_ascii_dtostr(text, sizeof text, number);
    return g_strdup(text);
}

char *config_option_format(const ConfigOption *option, const void *base)
{
    static const char *const bytes[] = {"", "K", "M", "G", "T"};
    static const char *const counts[] = {"", "K", "M", "G"};
    const void *field = (const char *)base + option->offset;
    const Rendition *rendition = base;
    const Datapoints *datapoints = field;
    const Concurrency *concurrency = field;

    switch (option->type) {
    case OPTION_TEXT:
        return g_strdup(*(char *const *)field);
    case OPTION_PATTERNS:
        return g_strjoinv(";", *(const GStrv *)field);
    case OPTION_SIZE:
        return g_strdup_printf("%dx%d", rendition->width, rendition->height);
    case OPTION_COLOR:
        return g_strdup_printf("#%06x", *(const uint32_t *)field);
    case OPTION_ENUM:
        return g_strdup(names_get(option->names, *(const int *)field));
    case OPTION_NUMBER:
        return format_double(*(const double *)field);
    case OPTION_DATAPOINTS:
        return g_strdup_printf("%d of %d", datapoints->breaching, datapoints->of);
    case OPTION_BOOL:
        return g_strdup(*(const bool *)field ? "yes" : "no");
    case OPTION_BITS:
        return format_bits(option->names, *(const unsigned *)field);
    case OPTION_MODE:
        return *(const int *)field < 0 ? g_strdup("source")
                                       : g_strdup_printf("%04o", (unsigned)*(const int *)field);
    case OPTION_RESERVE:
        return reserve_format(field);
    case OPTION_CORES:
        return concurrency->is_auto ? g_strdup("auto") : g_strdup_printf("%d", concurrency->most);
    case OPTION_INT:
        return g_strdup_printf("%d", *(const int *)field);
    case OPTION_COUNT:
        return format_exact(*(const int64_t *)field, 1000, counts, G_N_ELEMENTS(counts));
    case OPTION_BYTES:
        return format_exact(*(const int64_t *)field, 1024, bytes, G_N_ELEMENTS(bytes));
    case OPTION_DURATION:
        return format_duration(*(const int64_t *)field);
    }
    g_assert_not_reached();
}

void config_option_set_defaults(const ConfigSchema *schema, int section, void *base)
{
    for (size_t i = 0; i < schema->n_options; i++) {
        const ConfigOption *option = &schema->options[i];
        if (option->section == section && option->fallback)
            g_assert_true(config_option_parse(option, option->fallback, base, NULL));
    }
}

void config_option_clear_all(const ConfigSchema *schema, int section, void *base)
{
    for (size_t i = 0; i < schema->n_options; i++) {
        const ConfigOption *option = &schema->options[i];
        if (option->section != section)
            continue;
        void *field = (char *)base + option->offset;
        if (option->type == OPTION_TEXT)
            g_clear_pointer((char **)field, g_free);
        else if (option->type == OPTION_PATTERNS)
            g_clear_pointer((GStrv *)field, g_strfreev);
    }
}

void config_schema_clear(const ConfigSchema *schema, void *base)
{
    for (int section = 0; section < schema->n_sections; section++) {
        for (size_t i = 0; i < config_section_count(schema, base, section); i++)
            config_option_clear_all(schema, section, config_section_row(schema, base, section, i));
    }
}
