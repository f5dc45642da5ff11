#include "clock.h"

#include "error.h"
#include "failpoint.h"
#include "units.h"

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

/* Splits into UTC fields; *ret_micros is what remains below the second. */
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

char *clock_format_millis(int64_t wall_us, char text[static CLOCK_TEXT_MAX])
{
    int micros;
    struct tm t = split(wall_us, &micros);

    g_snprintf(text, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900,
               t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, micros / 1000);
    return text;
}

/* An age: digits and one unit letter. */
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

/* A calendar date with an optional time and zone. GDateTime wants all three, so the rest is filled
 * in. */
static bool parse_date(const char *text, int64_t *ret_wall_us)
{
    size_t len = strlen(text);
    const char *fill;

    if (len < 10 || text[4] != '-' || text[7] != '-')
        return false;
    bool utc = text[len - 1] == 'Z';
    switch (len - (utc ? 1 : 0)) {
    case 10:
        fill = "T00:00:00";
        break;
    case 16:
        fill = ":00";
        break;
    case 19:
        fill = "";
        break;
    default:
        return false;
    }
    g_autofree char *full = g_strdup_printf("%.*s%s", (int)(len - (utc ? 1 : 0)), text, fill);
    g_autoptr(GTimeZone) zone = utc ? g_time_zone_new_utc() : g_time_zone_new_local();
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(full, zone);
    if (!date || full[10] != 'T')
        return false;
    *ret_wall_us = g_date_time_to_unix(date) * CLOCK_US_PER_SEC;
    return true;
}

bool clock_parse_time(const char *text, int64_t now_us, int64_t *ret_wall_us, GError **error)
{
    if (parse_age(text, now_us, ret_wall_us) || parse_date(text, ret_wall_us))
        return true;
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
