/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV on stdout, quoted as RFC 4180 says; lines end in a line feed, as other Unix tools write and
 * read them.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * With `raw` fields are written as they are. Else one that a spreadsheet would take for a formula
 * (it begins with = + - @, a tab or a carriage return, and is no number) gets a ' before it: names
 * come from strangers. For the whole process.
 */
void csv_set_raw(bool raw);

/* Writes one row; NULL is an empty field. */
void csv_print(const char *const *fields, size_t n_fields);
