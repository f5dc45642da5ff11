/* SPDX-License-Identifier: Apache-2.0 */
#include "views/terminal.h"

#include "base/clock.h"
#include "base/units.h"
#include "base/zone.h"

#include <langinfo.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const TerminalStyle *pretended;

void terminal_set_style(const TerminalStyle *style)
{
    pretended = style;
}

TerminalStyle terminal_style(void)
{
    return (TerminalStyle){terminal_is_interactive(), terminal_has_color(),
                           terminal_has_truecolor(), terminal_is_unicode(), terminal_width()};
}

bool terminal_is_interactive(void)
{
    return pretended ? pretended->is_interactive : isatty(STDOUT_FILENO);
}

bool terminal_error_is_interactive(void)
{
    return isatty(STDERR_FILENO);
}

static bool is_color_wanted(void)
{
    const char *no_color = g_getenv("NO_COLOR");
    const char *type = g_getenv("TERM");
    return !(no_color && *no_color) && type && strcmp(type, "dumb") != 0;
}

bool terminal_has_color(void)
{
    return pretended ? pretended->has_color : terminal_is_interactive() && is_color_wanted();
}

bool terminal_error_has_color(void)
{
    return terminal_error_is_interactive() && is_color_wanted();
}

bool terminal_has_truecolor(void)
{
    const char *color = g_getenv("COLORTERM");
    if (pretended)
        return pretended->has_truecolor;
    return terminal_has_color() && color &&
           (!strcmp(color, "truecolor") || !strcmp(color, "24bit"));
}

bool terminal_is_unicode(void)
{
    return pretended ? pretended->is_unicode : !strcmp(nl_langinfo(CODESET), "UTF-8");
}

static size_t width_of(int fd)
{
    struct winsize size;
    bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : TERMINAL_WIDTH_DEFAULT;
}

size_t terminal_width(void)
{
    if (pretended)
        return pretended->width;
    return terminal_is_interactive() ? width_of(STDOUT_FILENO) : 0;
}

size_t terminal_error_width(void)
{
    return terminal_error_is_interactive() ? width_of(STDERR_FILENO) : 0;
}

const char *terminal_red(void)
{
    return terminal_has_color() ? "\033[31m" : "";
}

const char *terminal_bold(void)
{
    return terminal_has_color() ? "\033[1m" : "";
}

const char *terminal_reset(void)
{
    return terminal_has_color() ? "\033[0m" : "";
}

char *terminal_safe(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *safe = g_string_sized_new(strlen(valid));
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        g_string_append_unichar(safe, g_unichar_isprint(character) ? character : '?');
    }
    return g_string_free(safe, FALSE);
}

char *terminal_duration(int64_t duration_us)
{
    if (duration_us <= 0)
        return g_strdup("");
    if (duration_us >= CLOCK_US_PER_SEC)
        return clock_format_duration(duration_us);
    double ms = (double)duration_us / CLOCK_US_PER_MS;
    return ms < 10 ? g_strdup_printf("%.2f ms", ms) : g_strdup_printf("%.1f ms", ms);
}

char *terminal_wall_date(int64_t wall_us, bool with_time)
{
    char text[CLOCK_TEXT_MAX];
    /* As 2026-01-31T12:00:00Z. */
    (void)clock_format_seconds(wall_us, text);
    text[10] = ' ';
    return g_strndup(text, with_time ? 16 : 10);
}

char *terminal_date(int64_t instant_us, bool with_time)
{
    return terminal_wall_date(zone_to_wall_us(instant_us), with_time);
}

char *terminal_time(int64_t instant_us)
{
    char text[CLOCK_TEXT_MAX];
    /* As 2026-01-31T12:00:00.123Z. */
    (void)clock_format_millis(zone_to_wall_us(instant_us), text);
    text[10] = ' ';
    return g_strndup(text, 23);
}

char *terminal_count(uint64_t count, const char *one, const char *many)
{
    g_autofree char *number = units_format_count((int64_t)count);
    return g_strdup_printf("%s %s", number, count == 1 ? one : many);
}

bool terminal_reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) > 0 && out.revents & POLLERR;
}
