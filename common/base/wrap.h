/* SPDX-License-Identifier: Apache-2.0 */
/* Breaks text for people into lines at blanks: help, comments of a configuration. Pure. */
#pragma once

#include <glib.h>
#include <stddef.h>

/* Characters of a line. A terminal has 80 columns. */
#define WRAP_WIDTH 79

/*
 * Appends the words of `text`, which are separated by blanks and newlines. The last line of `out`
 * already has `column` characters; each new line begins with `prefix`. A line has at most `width`
 * characters, unless a single word is longer. No newline ends the last line.
 */
void wrap_append(GString *out, size_t column, const char *text, const char *prefix, size_t width);
