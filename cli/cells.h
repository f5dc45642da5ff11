/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many cells of a terminal a text takes, and names cut to fit. Pure but for the locale.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

/* Cells that `text` takes: UTF-8 without control characters. */
size_t cells_count(const char *text);

/*
 * Where the line of at most `cells` cells ends that `text` begins with: at a blank if it has one,
 * and not before its first character.
 */
const char *cells_end_of_line(const char *text, size_t cells);

/*
 * A name or path in at most `cells` cells: itself, or with its middle left out
 * ("2026/tr…/dune.png"). What lies behind the last '/' stays whole as long as there is room for it
 * and a beginning. Owner: the caller frees.
 */
char *cells_cut_name(const char *name, size_t cells);

/*
 * The same of one of several names that share their first `before` and their last `after` bytes
 * (whole characters, which do not overlap): what lies between is shown, as far as there is room,
 * and of the rest what still fits ("hol…number-2…ng.png"). Owner: the caller frees.
 */
char *cells_cut_apart(const char *name, size_t before, size_t after, size_t cells);
