/* SPDX-License-Identifier: Apache-2.0 */
#include "views/table.h"

#include "views/cells.h"
#include "views/chart.h"
#include "views/terminal.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#define SEPARATOR "  "

/* Cells for a name, at least, however narrow the terminal is. */
#define NAME_MIN 12

/* Cells of a bar. A shorter bar is left out, a longer bar is limited. */
#define BAR_MIN 8
#define BAR_MAX 40

typedef struct {
    /* NULL is an empty cell. */
    char **cells;
    int problem;
    double share;
    /* The cut name shows the bytes between `before` and `after`. */
    bool differs;
    /* Bytes that other names of the page share at the beginning and at the end. */
    size_t before, after;
} TableRow;

struct TextTable {
    TableColumn *columns;
    /* Width of each column so far, in cells. */
    size_t *widths;
    size_t n_columns;
    /* The rows of this page. */
    GPtrArray *rows;
    /* A page has been printed. */
    bool is_begun;
};

/* Checks a result of libsmartcols, which fails only when memory is exhausted. GLib ends the program
 * then, too. */
static void check(bool ok)
{
    if (!ok)
        g_error("out of memory");
}

static void free_row(gpointer data)
{
    TableRow *row = data;
    g_strfreev(row->cells);
    g_free(row);
}

TextTable *table_new(const TableColumn *columns, size_t n_columns)
{
    TextTable *table = g_new0(TextTable, 1);
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

void table_free(TextTable *table)
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

static bool has_note(const TextTable *table, size_t column)
{
    return column + 1 < table->n_columns && table->columns[column + 1].role == TABLE_NOTE;
}

/* Returns the cells of a row's text in a column, before any cut. */
static size_t cells_in(const TextTable *table, const TableRow *row, size_t column)
{
    const char *note = has_note(table, column) ? row->cells[column + 1] : "";
    return cells_count(row->cells[column]) + (*note ? strlen(SEPARATOR) + cells_count(note) : 0);
}

void table_reserve(TextTable *table, size_t column, const char *cell)
{
    table->widths[column] = MAX(table->widths[column], cells_count(cell));
}

void table_add_bar(TextTable *table, const char *const *cells, int problem, double share)
{
    TableRow *row = g_new0(TableRow, 1);
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

void table_add(TextTable *table, const char *const *cells, int problem)
{
    table_add_bar(table, cells, problem, 0);
}

static bool is_whole(const TableColumn *column)
{
    return column->role == TABLE_TEXT || column->role == TABLE_FIGURE;
}

/* Cells that the other columns leave to name, note and bar on a terminal. */
typedef struct {
    size_t name;
    size_t bar;
} Room;

/* Returns the width that is left for names and bars, beside the columns that are never cut. */
static Room room_left(const TextTable *table)
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

/* Formats a name with its note. On a terminal both are cut if necessary, the name first. */
static char *format_name(const TextTable *table, const TableRow *row, size_t column,
                         const Room *room)
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

/* Returns the bytes of the common beginning, in whole characters, at most `limit`. */
static size_t common_beginning(const char *a, const char *b, size_t limit)
{
    size_t n = 0;
    while (n < limit && a[n] && a[n] == b[n])
        n++;
    /* The end is within a character. */
    while (n > 0 && ((guchar)a[n] & 0xc0) == 0x80)
        n--;
    return n;
}

/* Returns the bytes of the common end, in whole characters, at most `limit`. */
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

/* Makes these rows, at least two, show the part of their names that differs. */
static void show_difference(const GPtrArray *rows, size_t column)
{
    const TableRow *first = rows->pdata[0];
    const char *name = first->cells[column];
    size_t before = G_MAXSIZE, after = G_MAXSIZE, shortest = strlen(name);
    /* An event log has several rows with the same name. */
    bool is_same = true;
    for (guint i = 1; i < rows->len; i++) {
        const char *other = ((const TableRow *)rows->pdata[i])->cells[column];
        is_same = is_same && strcmp(name, other) == 0;
        before = common_beginning(name, other, before);
        shortest = MIN(shortest, strlen(other));
    }
    for (guint i = 1; i < rows->len; i++)
        after = common_end(name, ((const TableRow *)rows->pdata[i])->cells[column],
                           MIN(after, shortest - MIN(shortest, before)));
    /* A number is shown whole, because its digits only make sense together. */
    while (before > 0 && g_ascii_isdigit(name[before - 1]))
        before--;
    while (after > 0 && g_ascii_isdigit(name[strlen(name) - after]))
        after--;
    for (guint i = 0; !is_same && i < rows->len; i++) {
        TableRow *row = rows->pdata[i];
        row->differs = true;
        row->before = before;
        row->after = after;
    }
}

/* Finds names of a page that would look the same after the cut, and makes them show how they
 * differ. */
static void mark_differences(TextTable *table, size_t column, const Room *room)
{
    g_autoptr(GHashTable) alike =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    for (guint i = 0; i < table->rows->len; i++) {
        TableRow *row = g_ptr_array_index(table->rows, i);
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

/* Pads a cell to the width of its column. libsmartcols 2.38 uses the given width only when it
 * prints a heading, which later pages do not have. */
static char *format_whole(const TextTable *table, const char *cell, size_t column)
{
    size_t cells = cells_count(cell);
    if (!table->is_begun || cells >= table->widths[column] || column + 1 == table->n_columns)
        return g_strdup(cell);
    g_autofree char *blanks = g_strnfill(table->widths[column] - cells, ' ');
    return table->columns[column].role == TABLE_FIGURE ? g_strconcat(blanks, cell, NULL)
                                                       : g_strconcat(cell, blanks, NULL);
}

static char *format_cell(const TextTable *table, const TableRow *row, size_t column,
                         const Room *room)
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

static void add_column(const TextTable *table, struct libscols_table *page, size_t i)
{
    const TableColumn *column = &table->columns[i];
    /* As wide as on earlier pages. The name gets the remaining cells, and is the last or only such
     * column. */
    double width = is_whole(column) ? (double)table->widths[i] : 0;
    struct libscols_column *added = scols_table_new_column(
        page, column->title, width, column->role == TABLE_FIGURE ? SCOLS_FL_RIGHT : 0);
    check(added && !scols_cell_set_color(scols_column_get_header(added), "bold"));
}

static void add_line(const TextTable *table, struct libscols_table *page, const TableRow *row,
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
 * Prints a page in a locale with UTF-8, because names are UTF-8 without control characters in any
 * locale. libsmartcols 2.38 measures with the locale, and loops endlessly on a long name that is
 * invalid in it.
 */
static void print_page(struct libscols_table *page)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    scols_table_enable_noencoding(page, utf8 != NULL);
    /* libsmartcols writes to stdout itself. The command reports a full disk at its end. */
    check(!scols_print_table(page));
    if (!utf8)
        return;
    /* This locale was in use before, so it is valid. */
    (void)uselocale(before);
    freelocale(utf8);
}

void table_print(TextTable *table)
{
    if (table->rows->len == 0)
        return;
    Room room = room_left(table);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].role == TABLE_NAME && terminal_is_interactive())
            mark_differences(table, i, &room);
    }
    struct libscols_table *page = scols_new_table();
    check(page && !scols_table_set_column_separator(page, SEPARATOR));
    scols_table_enable_colors(page, terminal_has_color());
    scols_table_enable_noheadings(page, table->is_begun);
    /* Everything fits already. libsmartcols would cut or wrap it. */
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

void table_print_below(TextTable *table)
{
    if (table->rows->len > 0)
        putchar('\n');
    table_print(table);
}
