/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/error.h"
#include "base/failpoint.h"
#include "base/units.h"
#include "base/zone.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int64_t read_clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * CLOCK_US_PER_SEC + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_boot_us(void)
{
    int64_t now_us = read_clock_us(CLOCK_BOOTTIME);
#ifdef THUMBQ_FAILPOINTS
    now_us += failpoint_boot_offset_us();
#endif
    return now_us;
}

int64_t clock_wall_us(void)
{
    int64_t now_us = read_clock_us(CLOCK_REALTIME);
#ifdef THUMBQ_FAILPOINTS
    now_us += failpoint_clock_offset_us();
#endif
    return now_us;
}

static int64_t timeval_us(const struct timeval *time)
{
    return (int64_t)time->tv_sec * CLOCK_US_PER_SEC + time->tv_usec;
}

int64_t clock_cpu_us(const struct rusage *usage)
{
    return timeval_us(&usage->ru_utime) + timeval_us(&usage->ru_stime);
}

/* Splits a time into UTC fields; *ret_micros is the fraction of the second. */
static struct tm split(int64_t wall_us, int *ret_micros)
{
    const int64_t year_0000 = INT64_C(-62167219200);
    const int64_t year_9999 = INT64_C(253402300799);
    int64_t seconds = wall_us / CLOCK_US_PER_SEC;
    int64_t micros = wall_us % CLOCK_US_PER_SEC;
    struct tm fields;

    if (micros < 0) {
        micros += CLOCK_US_PER_SEC;
        seconds--;
    }
    time_t clamped = (time_t)CLAMP(seconds, year_0000, year_9999);
    gmtime_r(&clamped, &fields);
    *ret_micros = (int)micros;
    return fields;
}

char *clock_format_seconds(int64_t wall_us, char text[static CLOCK_TEXT_MAX])
{
    int micros;
    struct tm t = split(wall_us, &micros);

    g_snprintf(text, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900,
               t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    return text;
}

/* Writes `len` digits of a number, and the character after them. Lists have a thousand times, and
 * printf takes a microsecond. */
static void put_number(char *text, int len, int number, char after)
{
    text[len] = after;
    for (int i = len - 1; i >= 0; i--) {
        text[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

char *clock_format_millis(int64_t wall_us, char text[static CLOCK_TEXT_MAX])
{
    int micros;
    struct tm t = split(wall_us, &micros);

    put_number(text, 4, t.tm_year + 1900, '-');
    put_number(text + 5, 2, t.tm_mon + 1, '-');
    put_number(text + 8, 2, t.tm_mday, 'T');
    put_number(text + 11, 2, t.tm_hour, ':');
    put_number(text + 14, 2, t.tm_min, ':');
    put_number(text + 17, 2, t.tm_sec, '.');
    put_number(text + 20, 3, micros / 1000, 'Z');
    text[24] = '\0';
    return text;
}

char *clock_format_wall(int64_t wall_us, bool has_offset, int offset_min,
                        char text[static CLOCK_TEXT_MAX])
{
    int minutes = ABS(offset_min);

    (void)clock_format_seconds(wall_us, text);
    if (!has_offset)
        text[strlen(text) - 1] = '\0';
    else if (offset_min != 0)
        g_snprintf(text + strlen(text) - 1, 7, "%c%02d:%02d", offset_min < 0 ? '-' : '+',
                   minutes / 60 % 24, minutes % 60);
    return text;
}

/* Parses an age: digits and one unit letter. */
static bool parse_age(const char *text, int64_t now_us, int64_t *ret_wall_us)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *end;

    if (!g_ascii_isdigit(text[0]))
        return false;
    guint64 n = g_ascii_strtoull(text, &end, 10);
    if (n > 1000000 || end[0] == '\0' || end[1] != '\0')
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (units[i].letter == end[0]) {
            *ret_wall_us = now_us - (int64_t)n * units[i].seconds * CLOCK_US_PER_SEC;
            return true;
        }
    }
    return false;
}

/* True if `text` begins like `pattern`, in which each 0 stands for a digit. */
static bool has_pattern(const char *text, const char *pattern)
{
    for (; *pattern; pattern++, text++) {
        if (*pattern == '0' ? !g_ascii_isdigit(*text) : *text != *pattern)
            return false;
    }
    return true;
}

static int number_at(const char *text, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/*
 * Parses "T12:00", "T12:00:30" or "T12:00:30.5" at *text into microseconds of the day, and moves
 * *text behind it.
 */
static bool parse_day_time(const char **text, int64_t *ret_us)
{
    const char *at = *text;
    int second = 0;

    *ret_us = 0;
    if (*at != 'T' && *at != ' ')
        /* A date without a time means midnight. */
        return true;
    if (!has_pattern(at + 1, "00:00"))
        return false;
    int hour = number_at(at + 1, 2), minute = number_at(at + 4, 2);
    at += 6;
    bool has_seconds = has_pattern(at, ":00");
    if (has_seconds) {
        second = number_at(at + 1, 2);
        at += 3;
    }
    int64_t micros = 0;
    if (has_seconds && at[0] == '.' && g_ascii_isdigit(at[1])) {
        int64_t unit = CLOCK_US_PER_SEC;
        for (at++; g_ascii_isdigit(*at); at++) {
            unit /= 10;
            micros += unit * (*at - '0');
        }
    }
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_us = ((hour * 60 + minute) * INT64_C(60) + second) * CLOCK_US_PER_SEC + micros;
    *text = at;
    return true;
}

/* Parses a zone, which has to end the text: "", "Z" or "+02:00". */
static bool parse_zone(const char *text, bool *ret_has_zone, int64_t *ret_offset_us)
{
    *ret_has_zone = *text != '\0';
    *ret_offset_us = 0;
    if (*text == '\0' || strcmp(text, "Z") == 0)
        return true;
    if ((*text != '+' && *text != '-') || !has_pattern(text + 1, "00:00") || text[6] != '\0')
        return false;
    int minutes = number_at(text + 1, 2) * 60 + number_at(text + 4, 2);
    *ret_offset_us = (*text == '-' ? -minutes : minutes) * CLOCK_MINUTE_US;
    return number_at(text + 4, 2) < 60 && minutes < 24 * 60;
}

static bool parse_date(const char *text, ClockMoment *ret_moment)
{
    int64_t day_us, offset_us;
    bool has_zone;

    if (!has_pattern(text, "0000-00-00"))
        return false;
    const char *rest = text + 10;
    g_autoptr(GDateTime) day = g_date_time_new_utc(number_at(text, 4), number_at(text + 5, 2),
                                                   number_at(text + 8, 2), 0, 0, 0);
    if (!day || !parse_day_time(&rest, &day_us) || !parse_zone(rest, &has_zone, &offset_us))
        return false;
    ret_moment->is_wall = !has_zone;
    ret_moment->us = g_date_time_to_unix(day) * CLOCK_US_PER_SEC + day_us - offset_us;
    return true;
}

bool clock_parse_moment(const char *text, int64_t now_us, ClockMoment *ret_moment, GError **error)
{
    ClockMoment moment = {.is_wall = false};

    if (parse_age(text, now_us, &moment.us) || parse_date(text, &moment)) {
        *ret_moment = moment;
        return true;
    }
    if (units_is_bare_number(text))
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s' has no unit; write an age such as %sh (hours) or %sd (days), or a date "
                    "such as 2026-01-31",
                    text, text, text);
    else
        g_set_error(
            error, THUMBQ_ERROR, ERROR_USAGE,
            "'%s' is no time; write 2026-01-31, 2026-01-31T12:00, or an age such as 7d or 12h",
            text);
    return false;
}

int64_t clock_moment_us(const ClockMoment *moment)
{
    return moment->is_wall ? zone_from_wall_us(moment->us) : moment->us;
}

bool clock_parse_time(const char *text, int64_t now_us, int64_t *ret_wall_us, GError **error)
{
    ClockMoment moment;

    if (!clock_parse_moment(text, now_us, &moment, error))
        return false;
    *ret_wall_us = clock_moment_us(&moment);
    return true;
}

char *clock_format_duration(int64_t duration_us)
{
    int64_t seconds = duration_us / CLOCK_US_PER_SEC;

    if (duration_us < CLOCK_US_PER_SEC)
        return g_strdup_printf("%" G_GINT64_FORMAT " ms", duration_us / CLOCK_US_PER_MS);
    if (seconds < 60)
        return g_strdup_printf("%d.%d s", (int)seconds,
                               (int)(duration_us % CLOCK_US_PER_SEC / (CLOCK_US_PER_SEC / 10)));
    if (seconds < 3600)
        return g_strdup_printf("%d min %02d s", (int)(seconds / 60), (int)(seconds % 60));
    if (seconds < 86400)
        return g_strdup_printf("%d h %02d min", (int)(seconds / 3600), (int)(seconds / 60 % 60));
    return g_strdup_printf("%" G_GINT64_FORMAT " d %02d h", seconds / 86400,
                           (int)(seconds / 3600 % 24));
}
