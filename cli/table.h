/*
 * Tables for people, gathered and then printed with columns as wide as they need to be. For short
 * ones: what may have a million rows is streamed by its command.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Table Table;

typedef struct {
    const char *title;
    bool right; /* figures */
} TableColumn;

/* Owner: table_free. */
Table *table_new(const TableColumn *columns, size_t n_columns);

#define TABLE_NO_PROBLEM (-1)

/*
 * Adds a row of as many cells as there are columns; NULL is empty. The cell in column `problem` is
 * shown in red. Copies.
 */
void table_add(Table *table, const char *const *cells, int problem);

/* Prints to stdout; nothing without rows. */
void table_print(Table *table);

/* The same after an empty line: a table below something else. */
void table_print_below(Table *table);

void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)
