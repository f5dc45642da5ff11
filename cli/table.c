#include "table.h"

#include "terminal.h"

#include <libsmartcols.h>
#include <stdio.h>

struct Table {
    struct libscols_table *rows;
    size_t n_columns;
};

/* libsmartcols fails for want of memory only, which GLib takes as the end everywhere else, too. */
static void check(bool ok)
{
    if (!ok)
        g_error("out of memory");
}

Table *table_new(const TableColumn *columns, size_t n_columns)
{
    Table *table = g_new0(Table, 1);
    table->n_columns = n_columns;
    table->rows = scols_new_table();
    check(table->rows);
    scols_table_enable_colors(table->rows, terminal_has_color());
    check(!scols_table_set_column_separator(table->rows, "  "));
    for (size_t i = 0; i < n_columns; i++) {
        struct libscols_column *column = scols_table_new_column(
            table->rows, columns[i].title, 0, columns[i].right ? SCOLS_FL_RIGHT : 0);
        check(column);
    }
    return table;
}

void table_add(Table *table, const char *const *cells, int problem)
{
    struct libscols_line *line = scols_table_new_line(table->rows, NULL);
    check(line);
    for (size_t i = 0; i < table->n_columns; i++) {
        if (cells[i])
            check(!scols_line_set_data(line, i, cells[i]));
    }
    if (problem != TABLE_NO_PROBLEM)
        check(!scols_cell_set_color(scols_line_get_cell(line, (size_t)problem), "red"));
}

void table_print(Table *table)
{
    /* libsmartcols writes to stdout itself; a full disk shows when the command ends. */
    if (!scols_table_is_empty(table->rows))
        check(!scols_print_table(table->rows));
}

void table_print_below(Table *table)
{
    if (!scols_table_is_empty(table->rows))
        putchar('\n');
    table_print(table);
}

void table_free(Table *table)
{
    if (!table)
        return;
    scols_unref_table(table->rows);
    g_free(table);
}
