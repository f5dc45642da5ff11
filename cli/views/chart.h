/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charts of characters for people: sparklines from zero to the greatest value, and bars. They use
 * block characters if the locale (LC_CTYPE) is UTF-8, else ASCII. Charts have no colour and are
 * safe to print. The locale is the only outside input.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

/*
 * Draws one cell for each value, scaled from zero to the greatest value: "▁▂▃▄▅▆▇█", or "12345678".
 * A value above zero gets at least the lowest of these. A value of zero or below is ".". NAN, for
 * no value, is a blank. Owner: the caller frees.
 */
char *chart_sparkline(const double *values, size_t n);

/* Returns the explanation of a sparkline without block characters; "" with block characters.
 * Static. */
const char *chart_legend(void);

/*
 * Draws a bar of `fraction` times `cells` cells, in eighths of a cell ("█▌") or whole cells ("##").
 * Values of `fraction` outside 0..1 are clamped. A value above zero is visible, and only 1 is full.
 * The bar is not padded: g_utf8_strlen returns its cells. Owner: the caller frees.
 */
char *chart_bar(double fraction, unsigned cells);
