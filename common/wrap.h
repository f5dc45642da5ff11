/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people, broken at blanks into lines: help, comments of a configuration. Pure.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

#define WRAP_WIDTH 79 /* characters of a line: a terminal has 80 columns */

/*
 * Appends the words of `text`, which are separated by blanks and newlines. The line that `out` ends
 * with has `column` characters already; each further line begins with `prefix`. A line has at most
 * `width` characters, unless a single word is longer. The last line has no end.
 */
void wrap_append(GString *out, size_t column, const char *text, const char *prefix, size_t width);
