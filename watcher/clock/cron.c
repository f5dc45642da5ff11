/* SPDX-License-Identifier: Apache-2.0 */
#include "clock/cron_private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/zone.h"

#include <string.h>

#define RATE_MAX   1000000
#define FIELDS_MAX 6
/* Values of the widest field. */
#define VALUES_MAX (CRON_YEAR_MAX - CRON_YEAR_MIN + 1)

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL",
                                          "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL};

typedef struct {
    const char *name;
    int low, high;
    /* Range as text, for messages. */
    const char *range;
    /* Names of the values from `low` on; may be NULL. */
    const char *const *names;
} Field;

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR };

#define COMMON_FIELDS                                                                              \
    [MINUTE] = {"minute", 0, 59, "0-59", NULL}, [HOUR] = {"hour", 0, 23, "0-23", NULL},            \
    [DAY] = {"day of month", 1, 31, "1-31", NULL},                                                 \
    [MONTH] = {"month", 1, 12, "1-12 or JAN-DEC", month_names}

static const Field crontab_fields[] = {
    COMMON_FIELDS,
    [WEEKDAY] = {"day of week", 0, 7, "0-7 or SUN-SAT", weekday_names},
};
static const Field eventbridge_fields[] = {
    COMMON_FIELDS,
    [WEEKDAY] = {"day of week", 1, 7, "1-7 or SUN-SAT", weekday_names},
    [YEAR] = {"year", CRON_YEAR_MIN, CRON_YEAR_MAX, "1970-2199", NULL},
};

/* The two dialects differ in a few points, and in these they contradict each other. */
typedef struct {
    const char *name;
    const char *order;
    const Field *fields;
    int n_fields;
    bool is_eventbridge;
} Dialect;

static const Dialect crontab = {
    "crontab(5)", "minute hour day-of-month month day-of-week", crontab_fields, 5, false,
};
static const Dialect eventbridge = {
    "cron()", "minute hour day-of-month month day-of-week year", eventbridge_fields, 6, true,
};

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool fail(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, THUMBQ_ERROR, ERROR_USAGE, message);
    return false;
}

/* Parses digits only: no sign, no blanks. */
static bool parse_number(const char *text, int max, int *ret_value)
{
    int value = 0;
    if (!*text)
        return false;
    for (const char *p = text; *p; p++) {
        if (!g_ascii_isdigit(*p))
            return false;
        value = value * 10 + (*p - '0');
        if (value > max)
            return false;
    }
    *ret_value = value;
    return true;
}

static bool parse_value(const Field *field, const char *text, int *ret_value)
{
    for (int i = 0; field->names && field->names[i]; i++) {
        if (g_ascii_strcasecmp(text, field->names[i]) == 0) {
            *ret_value = field->low + i;
            return true;
        }
    }
    int value;
    if (!parse_number(text, field->high, &value) || value < field->low)
        return false;
    *ret_value = value;
    return true;
}

/*
 * Parses one element of a list: `*`, `a` or `a-b`, each with an optional `/step`. Sets values[v -
 * low] for each value v.
 */
static bool parse_item(const Dialect *dialect, const Field *field, const char *text,
                       const char *item, bool values[static VALUES_MAX], GError **error)
{
    g_auto(GStrv) parts = g_strsplit(item, "/", 2);
    const char *base = parts[0] ? parts[0] : "";
    const char *step_text = parts[0] ? parts[1] : NULL;
    g_auto(GStrv) ends = g_strsplit(base, "-", 2);
    bool is_range = ends[0] && ends[1];
    int low = field->low, high = field->high, step = 1;

    if (strcmp(base, "*") != 0) {
        const char *last = is_range ? ends[1] : base;
        if (!parse_value(field, is_range ? ends[0] : base, &low))
            return fail(error, "%s '%s': '%s' is not within %s", field->name, text,
                        is_range ? ends[0] : base, field->range);
        if (!parse_value(field, last, &high))
            return fail(error, "%s '%s': '%s' is not within %s", field->name, text, last,
                        field->range);
        bool ends_on_sunday =
            field->names == weekday_names && field->low == 0 && high == 0 && g_ascii_isalpha(*last);
        if (is_range && ends_on_sunday && low > 0)
            /* Sunday at the end of a range, such as fri-sun, counts as 7. */
            high = 7;
        bool wraps = dialect->is_eventbridge && field != &eventbridge_fields[YEAR];
        if (low > high && !wraps)
            return fail(error, "%s '%s': the range '%s' runs backwards", field->name, text, base);
        if (step_text && !is_range && !dialect->is_eventbridge)
            return fail(error, "%s '%s': a step needs '*' or a range before it", field->name, text);
        if (step_text && !is_range)
            high = field->high;
    }
    int step_max = field->high - field->low + 1;
    if (step_text && (!parse_number(step_text, step_max, &step) || step == 0))
        return fail(error, "%s '%s': the step '%s' is not within 1-%d", field->name, text,
                    step_text, step_max);
    /* A range such as 20-2 runs past the last value and continues with the first. */
    int n = high - low + 1 + (low > high ? step_max : 0);
    for (int i = 0; i < n; i += step)
        values[(low - field->low + i) % step_max] = true;
    return true;
}

static bool parse_list(const Dialect *dialect, const Field *field, const char *text,
                       bool values[static VALUES_MAX], GError **error)
{
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    for (char **item = items; *item; item++) {
        if (!parse_item(dialect, field, text, *item, values, error))
            return false;
    }
    return true;
}

/* As parse_list, but sets bit n for the value n. */
static bool parse_bits(const Dialect *dialect, int index, const char *text, uint64_t *ret_bits,
                       GError **error)
{
    const Field *field = &dialect->fields[index];
    bool values[VALUES_MAX] = {false};
    if (!parse_list(dialect, field, text, values, error))
        return false;
    uint64_t bits = 0;
    for (int value = field->low; value <= field->high; value++)
        bits |= (uint64_t)values[value - field->low] << value;
    *ret_bits = bits;
    return true;
}

/* Parses `L`, `LW` and `3W`; false for any other text. */
static bool parse_day_rule(const char *text, Cron *cron)
{
    size_t len = strlen(text);
    if (strcmp(text, "L") == 0) {
        cron->day_rule = CRON_DAY_LAST;
        return true;
    }
    if (strcmp(text, "LW") == 0) {
        cron->day_rule = CRON_DAY_LAST_WORKDAY;
        return true;
    }
    if (len < 2 || text[len - 1] != 'W')
        return false;
    g_autofree char *day = g_strndup(text, len - 1);
    if (!parse_value(&eventbridge_fields[DAY], day, &cron->rule_day))
        return false;
    cron->day_rule = CRON_DAY_WORKDAY;
    return true;
}

/* Parses `6L` and `3#2`; false for any other text. */
static bool parse_weekday_rule(const char *text, Cron *cron)
{
    const Field *field = &eventbridge_fields[WEEKDAY];
    const char *hash = strchr(text, '#');
    size_t len = hash ? (size_t)(hash - text) : strlen(text);
    int weekday;

    if (!hash && (len < 2 || text[--len] != 'L'))
        return false;
    g_autofree char *name = g_strndup(text, len);
    if (!parse_value(field, name, &weekday))
        return false;
    if (hash && (!parse_number(hash + 1, 5, &cron->rule_nth) || cron->rule_nth == 0))
        return false;
    cron->rule_weekday = weekday - field->low;
    cron->day_rule = hash ? CRON_DAY_NTH_WEEKDAY : CRON_DAY_LAST_WEEKDAY;
    return true;
}

/*
 * Parses the two fields of days. By crontab(5) a day has to match only one of them if neither
 * begins with `*`.
 */
static bool parse_crontab_days(const char *day, const char *weekday, Cron *cron, GError **error)
{
    uint64_t days, weekdays;
    if (!parse_bits(&crontab, DAY, day, &days, error) ||
        !parse_bits(&crontab, WEEKDAY, weekday, &weekdays, error))
        return false;
    cron->days = (uint32_t)days;
    /* Sunday may be written as 7 or 0. */
    cron->weekdays = (uint32_t)((weekdays | weekdays >> 7) & 0x7f);
    cron->either_day = *day != '*' && *weekday != '*';
    return true;
}

/* Parses the two fields for days of an EventBridge expression, of which one has to be '?'. */
static bool parse_eventbridge_days(const char *day, const char *weekday, Cron *cron, GError **error)
{
    bool any_day = strcmp(day, "?") == 0;
    bool any_weekday = strcmp(weekday, "?") == 0;
    uint64_t days = UINT32_MAX;
    uint64_t weekdays = 0xff;

    if (any_day == any_weekday)
        return fail(error,
                    "day of month '%s' and day of week '%s': exactly one of them must be '?'", day,
                    weekday);
    if (strcmp(weekday, "L") == 0)
        /* L is the last day of the week, Saturday. */
        weekday = "7";
    if (!any_day && !parse_day_rule(day, cron) && !parse_bits(&eventbridge, DAY, day, &days, error))
        return false;
    if (!any_weekday && !parse_weekday_rule(weekday, cron) &&
        !parse_bits(&eventbridge, WEEKDAY, weekday, &weekdays, error))
        return false;
    cron->days = (uint32_t)days;
    /* EventBridge counts Sunday as 1, this module as 0. */
    cron->weekdays = (uint32_t)(weekdays >> 1 & 0x7f);
    return true;
}

static bool parse_years(const char *text, Cron *cron, GError **error)
{
    return parse_list(&eventbridge, &eventbridge_fields[YEAR], text ? text : "*", cron->years,
                      error);
}

static bool parse_fields(const Dialect *dialect, const char *text, Cron *cron, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t\n", -1);
    const char *fields[FIELDS_MAX + 1] = {NULL};
    int n = 0;
    uint64_t minutes, hours, months;

    for (char **word = words; *word; word++) {
        if (**word && n++ < dialect->n_fields)
            fields[n - 1] = *word;
    }
    if (n != dialect->n_fields)
        return fail(error, "%d field%s; %s has %d: %s", n, n == 1 ? "" : "s", dialect->name,
                    dialect->n_fields, dialect->order);
    if (!parse_bits(dialect, MINUTE, fields[MINUTE], &minutes, error) ||
        !parse_bits(dialect, HOUR, fields[HOUR], &hours, error) ||
        !parse_bits(dialect, MONTH, fields[MONTH], &months, error) ||
        !parse_years(fields[YEAR], cron, error))
        return false;
    cron->kind = CRON_FIELDS;
    cron->minutes = minutes;
    cron->hours = (uint32_t)hours;
    cron->months = (uint32_t)months;
    return dialect->is_eventbridge
               ? parse_eventbridge_days(fields[DAY], fields[WEEKDAY], cron, error)
               : parse_crontab_days(fields[DAY], fields[WEEKDAY], cron, error);
}

static bool parse_rate(const char *text, Cron *cron, GError **error)
{
    static const struct {
        const char *one, *many;
        int64_t us;
    } units[] = {
        {"minute", "minutes", CLOCK_MINUTE_US},
        {"hour", "hours", CLOCK_HOUR_US},
        {"day", "days", CLOCK_DAY_US},
    };
    g_auto(GStrv) words = g_strsplit(text, " ", 2);
    int value;

    if (!words[0] || !words[1])
        return fail(error, "rate '%s': a number and a unit are needed, as in rate(5 minutes)",
                    text);
    if (!parse_number(words[0], RATE_MAX, &value) || value == 0)
        return fail(error, "rate '%s': '%s' is not within 1-%d", text, words[0], RATE_MAX);
    const char *unit = g_strstrip(words[1]);
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        bool is_one = strcmp(unit, units[i].one) == 0;
        if (!is_one && strcmp(unit, units[i].many) != 0)
            continue;
        if (is_one != (value == 1))
            return fail(error, "rate '%s': the unit of %d is '%s'", text, value,
                        value == 1 ? units[i].one : units[i].many);
        cron->kind = CRON_RATE;
        cron->rate_us = value * units[i].us;
        return true;
    }
    return fail(error, "rate '%s': '%s' is not minute(s), hour(s) or day(s)", text, unit);
}

static bool parse_at(const char *text, Cron *cron, GError **error)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    bool is_valid = strlen(text) == sizeof form - 1;
    for (size_t i = 0; is_valid && form[i]; i++)
        is_valid = form[i] == 'd' ? g_ascii_isdigit(text[i]) : text[i] == form[i];
    if (is_valid) {
        cron->kind = CRON_AT;
        cron->year = (int)g_ascii_strtoull(text, NULL, 10);
        cron->month = (int)g_ascii_strtoull(text + 5, NULL, 10);
        cron->day = (int)g_ascii_strtoull(text + 8, NULL, 10);
        cron->hour = (int)g_ascii_strtoull(text + 11, NULL, 10);
        cron->minute = (int)g_ascii_strtoull(text + 14, NULL, 10);
        cron->second = (int)g_ascii_strtoull(text + 17, NULL, 10);
        is_valid =
            cron->year >= CRON_YEAR_MIN && cron->year <= CRON_YEAR_MAX &&
            g_date_valid_dmy((GDateDay)cron->day, (GDateMonth)cron->month, (GDateYear)cron->year) &&
            cron->hour < 24 && cron->minute < 60 && cron->second < 60;
    }
    if (!is_valid)
        return fail(error, "at '%s': not a time like 2026-01-31T12:00:00, year 1970-2199", text);
    return true;
}

static bool parse_nickname(const char *text, Cron *cron, GError **error)
{
    static const struct {
        const char *name, *expression;
    } nicknames[] = {
        {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(nicknames); i++) {
        if (strcmp(text, nicknames[i].name) == 0)
            return parse_fields(&crontab, nicknames[i].expression, cron, error);
    }
    return fail(error, "the names are @hourly, @daily, @weekly, @monthly and @yearly");
}

/* Text between the parentheses of `name(...)`; NULL for any other text. Owner: the caller frees. */
static char *arguments(const char *text, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(text, name, len) != 0 || text[len] != '(' || !g_str_has_suffix(text, ")"))
        return NULL;
    return g_strstrip(g_strndup(text + len + 1, strlen(text) - len - 2));
}

/* Parses an expression of crontab or EventBridge. */
static bool parse_expression(const char *text, Cron *cron, GError **error)
{
    g_autofree char *fields = arguments(text, "cron");
    g_autofree char *rate = arguments(text, "rate");
    g_autofree char *at = arguments(text, "at");

    if (fields)
        return parse_fields(&eventbridge, fields, cron, error);
    if (rate)
        return parse_rate(rate, cron, error);
    if (at)
        return parse_at(at, cron, error);
    if (*text == '@')
        return parse_nickname(text, cron, error);
    return parse_fields(&crontab, text, cron, error);
}

static GTimeZone *open_zone(const char *name, GError **error)
{
    /* GLib would open such a name as a path below the zone files. */
    bool is_path = *name == '/' || *name == '.' || strstr(name, "/.") != NULL;
    GTimeZone *zone = is_path ? NULL : g_time_zone_new_identifier(name);
    if (!zone)
        (void)fail(error, "unknown time zone '%s'; a name as 'Europe/Berlin' is needed", name);
    return zone;
}

Cron *cron_parse(const char *expression, const char *zone, GError **error)
{
    if (strlen(expression) > CRON_TEXT_MAX) {
        (void)fail(error, "cannot parse a schedule of more than %d bytes", CRON_TEXT_MAX);
        return NULL;
    }
    g_autofree char *text = g_strstrip(g_strdup(expression));
    g_autoptr(Cron) cron = g_new0(Cron, 1);
    if (!parse_expression(text, cron, error)) {
        g_prefix_error(error, "cannot parse '%s': ", text);
        return NULL;
    }
    if (zone && *zone) {
        cron->zone = open_zone(zone, error);
        if (!cron->zone)
            return NULL;
    }
    return g_steal_pointer(&cron);
}

bool cron_is_rate(const Cron *cron)
{
    return cron->kind == CRON_RATE;
}

char *cron_format(const Cron *cron, int64_t wall_us)
{
    int64_t seconds = wall_us / CLOCK_US_PER_SEC - (wall_us % CLOCK_US_PER_SEC < 0);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
    g_autoptr(GTimeZone) here =
        cron->zone ? g_time_zone_ref(cron->zone)
                   : g_time_zone_new_offset(zone_offset_min(seconds * CLOCK_US_PER_SEC) * 60);
    g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, here) : NULL;
    /* GLib formats only the years 1 to 9999; no schedule is due outside them. */
    return local ? g_date_time_format(local, "%Y-%m-%dT%H:%M:%S%:z") : g_strdup("-");
}

void cron_free(Cron *cron)
{
    if (!cron)
        return;
    g_clear_pointer(&cron->zone, g_time_zone_unref);
    g_free(cron);
}
