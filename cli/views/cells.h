/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Width of texts in terminal cells, and names cut to fit. The locale is the only outside input.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

/* Returns the cells that `text` takes. `text` is UTF-8 without control characters. */
size_t cells_count(const char *text);

/* Returns the end of the first line of `text`, of at most `cells` cells. The line ends at a blank
 * if it has one, and has at least one character. */
const char *cells_end_of_line(const char *text, size_t cells);

/*
 * Returns a name or path cut to `cells` cells: whole, or with its middle cut out
 * ("2026/tr…/dune.png"). The part after the last '/' stays whole if there is room for it and for a
 * beginning. Owner: the caller frees.
 */
char *cells_cut_name(const char *name, size_t cells);

/*
 * Cuts one of several names that share their first `before` and last `after` bytes. The part
 * between them is shown if there is room; the remaining cells show parts of the beginning and the
 * end ("hol…number-2…ng.png"). `before` and `after` are whole characters and do not overlap. Owner:
 * the caller frees.
 */
char *cells_cut_apart(const char *name, size_t before, size_t after, size_t cells);
