/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people (libsmartcols). Rows are gathered and printed a page at a time: columns are as
 * wide as the first page needs, and later ones at least that, so that a million rows need no more
 * memory than a page. On a terminal names are cut to what is left of the line, so that those of a
 * page can be told apart; elsewhere everything is whole.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Table Table;

typedef enum {
    TABLE_TEXT,
    TABLE_FIGURE, /* flush right */
    TABLE_NAME,   /* a name or path: cut where there is no room; one in a table */
    TABLE_NOTE,   /* said of the name, which is the column before: follows it in its column */
    TABLE_BAR,    /* a bar, in what is left of a terminal's line; the last column */
} TableRole;

typedef struct {
    const char *title;
    TableRole role;
} TableColumn;

/* Copies. Owner: table_free. */
Table *table_new(const TableColumn *columns, size_t n_columns);

/* Has a column wide enough for `cell` from the first page on, for what is only added later. */
void table_reserve(Table *table, size_t column, const char *cell);

#define TABLE_NO_PROBLEM (-1)

/*
 * Adds a row of as many cells as there are columns; NULL is empty. The cell in column `problem` is
 * shown in red. Prints the page when it is full. Copies.
 */
void table_add(Table *table, const char *const *cells, int problem);

/* The same with a bar, for the share `share` (0..1), in the column for it. */
void table_add_bar(Table *table, const char *const *cells, int problem, double share);

/* Rows of a page: those after it cannot have a say in how wide the columns are. */
#define TABLE_PAGE_ROWS 500

/* Prints the rows there are to stdout, below a heading the first time; nothing without rows. */
void table_print(Table *table);

/* The same after an empty line: a table below something else. Of one page. */
void table_print_below(Table *table);

void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)
