/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "cells.h"
#include "chart.h"
#include "terminal.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#define SEPARATOR "  "

/* What a terminal that is too narrow leaves to a name all the same. */
#define NAME_MIN 12

/* A bar that would be shorter is left out, one that would be longer is not. */
#define BAR_MIN 8
#define BAR_MAX 40

typedef struct {
    char **cells; /* NULL for an empty one */
    int problem;
    double share;
    bool differs;         /* the name is to show what lies between these bytes of it */
    size_t before, after; /* shared with other names of the page */
} Row;

struct Table {
    TableColumn *columns;
    size_t *widths; /* of each column so far, in cells */
    size_t n_columns;
    GPtrArray *rows; /* of this page */
    bool is_begun;   /* a page has been printed */
};

/* libsmartcols fails for want of memory only, which GLib takes as the end everywhere else, too. */
static void check(bool ok)
{
    if (!ok)
        g_error("out of memory");
}

static void free_row(gpointer data)
{
    Row *row = data;
    g_strfreev(row->cells);
    g_free(row);
}

Table *table_new(const TableColumn *columns, size_t n_columns)
{
    Table *table = g_new0(Table, 1);
    table->columns = g_memdup2(columns, n_columns * sizeof *columns);
    table->widths = g_new0(size_t, n_columns);
    table->n_columns = n_columns;
    table->rows = g_ptr_array_new_with_free_func(free_row);
    for (size_t i = 0; i < n_columns; i++) {
        table->columns[i].title = g_strdup(columns[i].title);
        table->widths[i] = cells_count(columns[i].title);
    }
    return table;
}

void table_free(Table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->n_columns; i++)
        g_free((char *)table->columns[i].title);
    g_ptr_array_unref(table->rows);
    g_free(table->widths);
    g_free(table->columns);
    g_free(table);
}

static bool has_note(const Table *table, size_t column)
{
    return column + 1 < table->n_columns && table->columns[column + 1].role == TABLE_NOTE;
}

/* Cells of what stands in a column, before anything is cut. */
static size_t cells_in(const Table *table, const Row *row, size_t column)
{
    const char *note = has_note(table, column) ? row->cells[column + 1] : "";
    return cells_count(row->cells[column]) + (*note ? strlen(SEPARATOR) + cells_count(note) : 0);
}

void table_reserve(Table *table, size_t column, const char *cell)
{
    table->widths[column] = MAX(table->widths[column], cells_count(cell));
}

void table_add_bar(Table *table, const char *const *cells, int problem, double share)
{
    Row *row = g_new0(Row, 1);
    row->cells = g_new0(char *, table->n_columns + 1);
    row->problem = problem;
    row->share = share;
    for (size_t i = 0; i < table->n_columns; i++)
        row->cells[i] = g_strdup(cells[i] ? cells[i] : "");
    for (size_t i = 0; i < table->n_columns; i++)
        table->widths[i] = MAX(table->widths[i], cells_in(table, row, i));
    g_ptr_array_add(table->rows, row);
    if (table->rows->len >= TABLE_PAGE_ROWS)
        table_print(table);
}

void table_add(Table *table, const char *const *cells, int problem)
{
    table_add_bar(table, cells, problem, 0);
}

/* ---- printing -----------------------------------------------------------------------------------
 */

static bool is_whole(const TableColumn *column)
{
    return column->role == TABLE_TEXT || column->role == TABLE_FIGURE;
}

/* Cells that the other columns leave to these of a terminal's line. */
typedef struct {
    size_t name;
    size_t bar;
} Room;

static Room room_left(const Table *table)
{
    size_t width = terminal_width();
    size_t taken = 0, name = 0;
    bool has_bar = false;
    for (size_t i = 0; i < table->n_columns; i++) {
        if (is_whole(&table->columns[i]))
            taken += table->widths[i] + strlen(SEPARATOR);
        if (table->columns[i].role == TABLE_NAME)
            name = table->widths[i];
        has_bar = has_bar || table->columns[i].role == TABLE_BAR;
    }
    size_t left = width > taken ? width - taken : 0;
    if (!has_bar)
        return (Room){.name = left};
    if (name == 0)
        return (Room){.bar = left};
    name = MIN(name, MAX(left / 2, NAME_MIN));
    taken = name + strlen(SEPARATOR);
    return (Room){.name = name, .bar = left > taken ? left - taken : 0};
}

static bool is_shown(const TableColumn *column, const Room *room)
{
    return column->role != TABLE_NOTE && (column->role != TABLE_BAR || room->bar >= BAR_MIN);
}

/* A name with its note. On a terminal both are cut where they have to be, the name first. */
static char *format_name(const Table *table, const Row *row, size_t column, const Room *room)
{
    const char *name = row->cells[column];
    const char *note = has_note(table, column) ? row->cells[column + 1] : "";
    const char *separator = *note ? SEPARATOR : "";
    if (!terminal_is_interactive())
        return g_strconcat(name, separator, note, NULL);
    size_t least = MIN(NAME_MIN, cells_count(name)) + strlen(separator);
    size_t note_room = room->name > least ? room->name - least : 0;
    g_autofree char *short_note = cells_cut_name(note, note_room);
    size_t taken = cells_count(short_note) + strlen(separator);
    size_t name_room = MAX(room->name, NAME_MIN + taken) - taken;
    g_autofree char *short_name = row->differs && cells_count(name) > name_room
                                      ? cells_cut_apart(name, row->before, row->after, name_room)
                                      : cells_cut_name(name, name_room);
    return g_strconcat(short_name, separator, short_note, NULL);
}

/* ---- names that are cut alike ------------------------------------------------------------------
 */

/* Bytes of whole characters that both begin with, `limit` at the most. */
static size_t common_beginning(const char *a, const char *b, size_t limit)
{
    size_t n = 0;
    while (n < limit && a[n] && a[n] == b[n])
        n++;
    while (n > 0 && ((guchar)a[n] & 0xc0) == 0x80) /* within a character */
        n--;
    return n;
}

/* Bytes of whole characters that both end with, `limit` at the most. */
static size_t common_end(const char *a, const char *b, size_t limit)
{
    size_t a_len = strlen(a), b_len = strlen(b), n = 0;
    limit = MIN(limit, MIN(a_len, b_len));
    while (n < limit && a[a_len - 1 - n] == b[b_len - 1 - n])
        n++;
    while (n > 0 && ((guchar)a[a_len - n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* Has each of these rows, two at least, show what its name does not share with the others. */
static void show_difference(const GPtrArray *rows, size_t column)
{
    const Row *first = rows->pdata[0];
    const char *name = first->cells[column];
    size_t before = G_MAXSIZE, after = G_MAXSIZE, shortest = strlen(name);
    bool is_same = true; /* an event log has rows of the same name */
    for (guint i = 1; i < rows->len; i++) {
        const char *other = ((const Row *)rows->pdata[i])->cells[column];
        is_same = is_same && strcmp(name, other) == 0;
        before = common_beginning(name, other, before);
        shortest = MIN(shortest, strlen(other));
    }
    for (guint i = 1; i < rows->len; i++)
        after = common_end(name, ((const Row *)rows->pdata[i])->cells[column],
                           MIN(after, shortest - MIN(shortest, before)));
    /* A number is shown whole: it is what people count by. */
    while (before > 0 && g_ascii_isdigit(name[before - 1]))
        before--;
    while (after > 0 && g_ascii_isdigit(name[strlen(name) - after]))
        after--;
    for (guint i = 0; !is_same && i < rows->len; i++) {
        Row *row = rows->pdata[i];
        row->differs = true;
        row->before = before;
        row->after = after;
    }
}

/* Two names of a page that would look the same once they are cut are cut elsewhere. */
static void tell_apart(Table *table, size_t column, const Room *room)
{
    g_autoptr(GHashTable) alike =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    for (guint i = 0; i < table->rows->len; i++) {
        Row *row = g_ptr_array_index(table->rows, i);
        char *shown = format_name(table, row, column, room);
        GPtrArray *rows = g_hash_table_lookup(alike, shown);
        if (!rows) {
            rows = g_ptr_array_new();
            g_hash_table_insert(alike, g_strdup(shown), rows);
        }
        g_ptr_array_add(rows, row);
        g_free(shown);
    }
    GHashTableIter iter;
    gpointer rows;
    g_hash_table_iter_init(&iter, alike);
    while (g_hash_table_iter_next(&iter, NULL, &rows)) {
        if (((const GPtrArray *)rows)->len > 1)
            show_difference(rows, column);
    }
}

/* ---- cells --------------------------------------------------------------------------------------
 */

/*
 * A cell as wide as its column. libsmartcols 2.38 keeps to the width that it is given only where it
 * prints a heading, which later pages have none of.
 */
static char *format_whole(const Table *table, const char *cell, size_t column)
{
    size_t cells = cells_count(cell);
    if (!table->is_begun || cells >= table->widths[column] || column + 1 == table->n_columns)
        return g_strdup(cell);
    g_autofree char *blanks = g_strnfill(table->widths[column] - cells, ' ');
    return table->columns[column].role == TABLE_FIGURE ? g_strconcat(blanks, cell, NULL)
                                                       : g_strconcat(cell, blanks, NULL);
}

static char *format_cell(const Table *table, const Row *row, size_t column, const Room *room)
{
    switch (table->columns[column].role) {
    case TABLE_NAME:
        return format_name(table, row, column, room);
    case TABLE_BAR:
        return chart_bar(row->share, (unsigned)MIN(room->bar, BAR_MAX));
    case TABLE_TEXT:
    case TABLE_FIGURE:
    case TABLE_NOTE:
        break;
    }
    return format_whole(table, row->cells[column], column);
}

static void add_column(const Table *table, struct libscols_table *page, size_t i)
{
    const TableColumn *column = &table->columns[i];
    /* As wide as on the pages before. The name is what is left, and stands last or alone. */
    double width = is_whole(column) ? (double)table->widths[i] : 0;
    struct libscols_column *added = scols_table_new_column(
        page, column->title, width, column->role == TABLE_FIGURE ? SCOLS_FL_RIGHT : 0);
    check(added && !scols_cell_set_color(scols_column_get_header(added), "bold"));
}

static void add_line(const Table *table, struct libscols_table *page, const Row *row,
                     const Room *room)
{
    struct libscols_line *line = scols_table_new_line(page, NULL);
    check(line);
    size_t at = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        if (!is_shown(&table->columns[i], room))
            continue;
        check(!scols_line_refer_data(line, at, format_cell(table, row, i, room)));
        if (row->problem == (int)i)
            check(!scols_cell_set_color(scols_line_get_cell(line, at), "red"));
        at++;
    }
}

/*
 * Prints cells as they are: names are UTF-8 without control characters, whatever the locale says.
 * libsmartcols 2.38 goes by the locale when it measures, and does not come to an end with a long
 * name that is no text in it: so it gets one in which names are.
 */
static void print_page(struct libscols_table *page)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    scols_table_enable_noencoding(page, utf8 != NULL);
    /* It writes to stdout itself; a full disk shows when the command ends. */
    check(!scols_print_table(page));
    if (!utf8)
        return;
    (void)uselocale(before); /* it was there before */
    freelocale(utf8);
}

void table_print(Table *table)
{
    if (table->rows->len == 0)
        return;
    Room room = room_left(table);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].role == TABLE_NAME && terminal_is_interactive())
            tell_apart(table, i, &room);
    }
    struct libscols_table *page = scols_new_table();
    check(page && !scols_table_set_column_separator(page, SEPARATOR));
    scols_table_enable_colors(page, terminal_has_color());
    scols_table_enable_noheadings(page, table->is_begun);
    /* Everything fits already: libsmartcols would cut or wrap what does not. */
    scols_table_set_termforce(page, SCOLS_TERMFORCE_NEVER);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (is_shown(&table->columns[i], &room))
            add_column(table, page, i);
    }
    for (guint i = 0; i < table->rows->len; i++)
        add_line(table, page, g_ptr_array_index(table->rows, i), &room);
    print_page(page);
    scols_unref_table(page);
    g_ptr_array_set_size(table->rows, 0);
    table->is_begun = true;
}

void table_print_below(Table *table)
{
    if (table->rows->len > 0)
        putchar('\n');
    table_print(table);
}
