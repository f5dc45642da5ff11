/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people (libsmartcols). Rows are gathered and printed page by page. Columns are as wide
 * as the first page needs, and later pages at least as wide, so that a million rows need only the
 * memory of one page. On a terminal, names are cut to the rest of the line in such a way that the
 * names of a page still differ. Elsewhere nothing is cut.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct TextTable TextTable;

typedef enum {
    TABLE_TEXT,
    /* Aligned to the right. */
    TABLE_FIGURE,
    /* A name or path, cut if there is no room. At most one in a table. */
    TABLE_NAME,
    /* A remark on the name in the column before. It is printed in that column, after the name. */
    TABLE_NOTE,
    /* A bar in the rest of a terminal's line. The last column. */
    TABLE_BAR,
} TableRole;

typedef struct {
    const char *title;
    TableRole role;
} TableColumn;

/* Creates a table with a copy of the columns. Owner: table_free. */
TextTable *table_new(const TableColumn *columns, size_t n_columns);

/* Makes a column wide enough for `cell`, which may be added on a later page only. */
void table_reserve(TextTable *table, size_t column, const char *cell);

#define TABLE_NO_PROBLEM (-1)

/* Adds a copy of a row with one cell for each column; NULL is an empty cell. The cell in column
 * `problem` is red. Prints the page when it is full. */
void table_add(TextTable *table, const char *const *cells, int problem);

/* Adds a row with a bar of the length `share`, from 0 to 1, in the bar's column. */
void table_add_bar(TextTable *table, const char *const *cells, int problem, double share);

/* Rows of a page. Rows of later pages do not change the widths of the columns. */
#define TABLE_PAGE_ROWS 500

/* Prints the gathered rows to stdout, with a heading on the first page. Prints nothing without
 * rows. */
void table_print(TextTable *table);

/* Prints the rows after an empty line. The table must have one page. */
void table_print_below(TextTable *table);

void table_free(TextTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TextTable, table_free)
