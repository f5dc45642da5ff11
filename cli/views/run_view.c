/* SPDX-License-Identifier: Apache-2.0 */
#include "views/run_view.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "model/object.h"
#include "views/cells.h"
#include "views/terminal.h"

#include <string.h>

#define GAP "  "

/* Cells for a name, at least, however narrow the terminal is. */
#define NAME_MIN 12

/* Before further lines with the reason. */
#define INDENT "      "

static const char *verb_of(NewsKind kind)
{
    static const char *const verbs[] = {
        [NEWS_DONE] = "done",   [NEWS_SKIPPED] = "skipped", [NEWS_DEAD] = "dead",
        [NEWS_RETRY] = "retry", [NEWS_REMOVED] = "removed", [NEWS_RENAMED] = "renamed"};
    return verbs[kind];
}

/* Formats a duration as "0.5 s", "0.02 s" or "4 min 05 s". */
static char *format_seconds(int64_t duration_us)
{
    double seconds = (double)duration_us / CLOCK_US_PER_SEC;
    if (seconds >= 60)
        return clock_format_duration(duration_us);
    return g_strdup_printf(seconds < 0.095 ? "%.2f s" : "%.1f s", seconds);
}

/* Formats the reason, such as "damaged: no pixel could be decoded". Owner: the caller frees. */
static char *format_reason(const News *news)
{
    bool has_message = *news->message && news->error != ERROR_NOT_AN_IMAGE;
    const char *text = has_message ? news->message : error_text(news->error);
    g_autofree char *safe = terminal_safe(text);
    return news->kind == NEWS_SKIPPED ? g_steal_pointer(&safe)
                                      : g_strdup_printf("%s: %s", error_name(news->error), safe);
}

/* Formats the text after the name; "" for none. Owner: the caller frees. */
static char *format_detail(const News *news)
{
    if (news->error != ERROR_NONE)
        return format_reason(news);
    g_autoptr(GString) detail = g_string_new(NULL);
    if (news->facts && news->facts->width > 0)
        g_string_append_printf(detail, "%dx%d", news->facts->width, news->facts->height);
    if (news->facts && news->facts->damaged)
        g_string_append_printf(detail, GAP "damaged");
    if (news->duration_us > 0) {
        g_autofree char *took = format_seconds(news->duration_us);
        g_string_append_printf(detail, "%s%s", detail->len > 0 ? GAP : "", took);
    }
    return g_strdup(detail->str);
}

/* Formats the name, or "old -> new", in at most `cells` cells. Owner: the caller frees. */
static char *format_name(const News *news, size_t cells)
{
    static const char arrow[] = " -> ";
    g_autofree char *name = object_key_to_text(news->key, NULL);
    if (!news->from)
        return cells_cut_name(name, cells);
    g_autofree char *from = object_key_to_text(news->from, NULL);
    size_t room = cells > strlen(arrow) ? cells - strlen(arrow) : 0;
    size_t half = room / 2;
    size_t name_cells = cells_count(name);
    g_autofree char *short_from =
        cells_cut_name(from, name_cells < half ? room - name_cells : half);
    g_autofree char *short_name = cells_cut_name(name, room - cells_count(short_from));
    return g_strconcat(short_from, arrow, short_name, NULL);
}

/* Appends text in lines of its own below the name. */
static void append_below(GString *line, const char *text, size_t width)
{
    size_t room = width > strlen(INDENT) ? width - strlen(INDENT) : 1;
    while (*text) {
        const char *end = cells_end_of_line(text, room);
        g_string_append_printf(line, "\n" INDENT "%.*s", (int)(end - text), text);
        text = end + strspn(end, " ");
    }
}

char *run_view_format(const News *news, size_t width, bool color)
{
    const char *verb = verb_of(news->kind);
    bool is_problem = news->kind == NEWS_DEAD || news->kind == NEWS_RETRY;
    g_autofree char *detail = format_detail(news);
    size_t left = width == 0 ? G_MAXSIZE / 2 : width;
    left -= MIN(left, strlen(verb) + strlen(GAP));
    g_autofree char *whole = format_name(news, G_MAXSIZE / 2);
    size_t detail_cells = *detail ? cells_count(detail) + strlen(GAP) : 0;
    /*
     * Long reasons go below the name. Figures are short, so the name is cut to make room for them.
     */
    bool fits = cells_count(whole) + detail_cells <= left || news->error == ERROR_NONE;
    size_t name_room = MAX(left - (fits ? MIN(left, detail_cells) : 0), NAME_MIN);
    g_autofree char *name = format_name(news, name_room);
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "%s%s%s" GAP "%s", color && is_problem ? "\033[31m" : "", verb,
                           color && is_problem ? "\033[0m" : "", name);
    if (!fits)
        append_below(line, detail, width);
    else if (*detail)
        g_string_append_printf(line, GAP "%s", detail);
    g_string_append_c(line, '\n');
    return g_string_free(line, FALSE);
}

void run_view_print_line(const News *news, void *data)
{
    /* There is only one stderr. */
    (void)data;
    g_autofree char *line =
        run_view_format(news, terminal_error_width(), terminal_error_has_color());
    log_write(line, strlen(line));
}

void run_view_log_dead(const News *news, void *data)
{
    /* There is only one log. */
    (void)data;
    if (news->kind != NEWS_DEAD)
        return;
    g_autofree char *name = object_key_to_text(news->key, NULL);
    g_autofree char *reason = format_reason(news);
    log_warning("'%s' is dead: %s", name, reason);
}
