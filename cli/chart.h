/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charts made of characters, for people who would rather look than read: a line of cells each
 * between zero and the greatest value, and bars. Block characters where the locale (LC_CTYPE) is
 * UTF-8, plain ASCII elsewhere. Without colour, and safe to print. Pure but for the locale.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

/*
 * One cell a value, from zero to the greatest of them: "▁▂▃▄▅▆▇█", or "12345678". Anything above
 * zero is at least the lowest of these; zero, and what is below it, is "."; NAN, for no value, is a
 * blank. Owner: the caller frees.
 */
char *chart_sparkline(const double *values, size_t n);

/* How to read the figures of a sparkline that has no block characters; else "". Static. */
const char *chart_legend(void);

/*
 * A bar as long as the share `fraction` (0..1; beyond them it is taken as the nearer one) of
 * `cells` cells, in eighths of a cell ("█▌") or whole ones ("##"). Anything above zero shows, and
 * only 1 is full. Not padded: g_utf8_strlen tells its cells. Owner: the caller frees.
 */
char *chart_bar(double fraction, unsigned cells);
