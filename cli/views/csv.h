/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV on stdout, quoted as in RFC 4180. Lines end with a line feed, as Unix tools expect.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Sets whether fields are written unchanged. By default, a field that a spreadsheet would evaluate
 * as a formula gets a leading ': it begins with = + - @, a tab or a carriage return, and is no
 * number. Names come from strangers. The setting holds for the whole process.
 */
void csv_set_raw(bool raw);

/* Writes one row. NULL is an empty field. */
void csv_print(const char *const *fields, size_t n_fields);
