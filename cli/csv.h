/*
 * CSV on stdout, quoted as RFC 4180 says; lines end in a line feed, as other Unix tools write and
 * read them.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

/* Writes one row; NULL is an empty field. */
void csv_print(const char *const *fields, size_t n_fields);
