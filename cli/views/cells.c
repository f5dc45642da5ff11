/* SPDX-License-Identifier: Apache-2.0 */
#include "views/cells.h"

#include "views/terminal.h"

#include <string.h>

/* Cells for the beginning of a name, at least, when its middle is cut out. */
#define HEAD_MIN 4

static size_t width_of(gunichar character)
{
    return g_unichar_iszerowidth(character) ? 0 : g_unichar_iswide(character) ? 2 : 1;
}

size_t cells_count(const char *text)
{
    size_t cells = 0;
    for (; *text; text = g_utf8_next_char(text))
        cells += width_of(g_utf8_get_char(text));
    return cells;
}

/* Returns the end of the longest beginning that fits into `cells` cells. */
static const char *end_of_head(const char *text, size_t cells)
{
    for (; *text; text = g_utf8_next_char(text)) {
        size_t more = width_of(g_utf8_get_char(text));
        if (more > cells)
            break;
        cells -= more;
    }
    return text;
}

const char *cells_end_of_line(const char *text, size_t cells)
{
    const char *end = end_of_head(text, cells);
    const char *blank = end;
    /* At least one character, so that callers always advance. */
    if (end == text && *text)
        end = g_utf8_next_char(text);
    while (*end && blank > text && *blank != ' ')
        blank--;
    return *end && blank > text ? blank : end;
}

/* Returns the start of the longest end that fits into `cells` cells. */
static const char *start_of_tail(const char *text, size_t cells)
{
    size_t all = cells_count(text);
    for (; all > cells; text = g_utf8_next_char(text))
        all -= width_of(g_utf8_get_char(text));
    /* Skips combining marks whose letter is cut out. */
    while (*text && width_of(g_utf8_get_char(text)) == 0)
        text = g_utf8_next_char(text);
    return text;
}

static const char *mark_of_a_cut(void)
{
    return terminal_is_unicode() ? "…" : "~";
}

char *cells_cut_name(const char *name, size_t cells)
{
    if (cells_count(name) <= cells)
        return g_strdup(name);
    if (cells == 0)
        return g_strdup("");
    /* One cell is for the mark. */
    size_t room = cells - 1;
    const char *slash = strrchr(name, '/');
    size_t last = slash ? cells_count(slash) : 0;
    size_t tail = last > 0 && last + HEAD_MIN <= room ? MAX(last, room / 2) : room / 2;
    const char *head_end = end_of_head(name, room - tail);
    return g_strdup_printf("%.*s%s%s", (int)(head_end - name), name, mark_of_a_cut(),
                           start_of_tail(name, tail));
}

char *cells_cut_apart(const char *name, size_t before, size_t after, size_t cells)
{
    const char *mark = mark_of_a_cut();
    size_t len = strlen(name);
    g_autofree char *head = g_strndup(name, before);
    g_autofree char *middle = g_strndup(name + before, len - before - after);
    const char *tail = name + len - after;
    size_t n_head = cells_count(head), n_tail = cells_count(tail), n_middle = cells_count(middle);
    /* A mark on each side. */
    if (n_middle + 2 > cells) {
        size_t room = cells > 2 ? cells - 2 : 0;
        return g_strdup_printf("%s%.*s%s", mark, (int)(end_of_head(middle, room) - middle), middle,
                               cells > 1 ? mark : "");
    }
    size_t room = cells - n_middle - 2;
    size_t head_room = MIN(n_head, MAX(room / 2, room - MIN(room, n_tail)));
    size_t tail_room = MIN(n_tail, room - head_room);
    return g_strdup_printf("%.*s%s%s%s%s", (int)(end_of_head(head, head_room) - head), head,
                           head_room < n_head ? mark : "", middle, tail_room < n_tail ? mark : "",
                           start_of_tail(tail, tail_room));
}
