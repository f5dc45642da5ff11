/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes to people: colour where it is wanted, text that cannot drive the terminal, figures with
 * their units. Scripts read JSON or CSV.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if stdout is a terminal. */
bool terminal_is_interactive(void);

/* True if stdout is a terminal that shows colour, and NO_COLOR (https://no-color.org) is not set.
 */
bool terminal_has_color(void);

/* True if it says that it shows 24-bit colour, too. */
bool terminal_has_truecolor(void);

/* True if what is printed may be UTF-8: the locale (LC_CTYPE) says so. */
bool terminal_is_unicode(void);

#define TERMINAL_WIDTH_DEFAULT 80 /* of a terminal that does not say */

/* Cells in a line of the terminal that stdout is; 0 where it is none: lines of any length. */
size_t terminal_width(void);

/* The same of stderr, for what is said while a command works. */
bool terminal_error_is_interactive(void);
bool terminal_error_has_color(void);
size_t terminal_error_width(void);

/* Escape sequences, or "" where terminal_has_color is false. Static. */
const char *terminal_red(void);
const char *terminal_bold(void);
const char *terminal_reset(void);

/* `text` with whatever could drive a terminal replaced by '?'. Owner: the caller frees. */
char *terminal_safe(const char *text);

/* "0.42 ms", "18.2 ms", "1.3 s", ...; "" for 0 or less, which is not known. Owner: the caller
 * frees. */
char *terminal_duration(int64_t duration_us);

/* "2026-01-31", or "2026-01-31 12:00", of an instant, in the local zone. Owner: the caller frees.
 */
char *terminal_date(int64_t instant_us, bool with_time);

/* The same of what a clock showed: see record_date_us. Owner: the caller frees. */
char *terminal_wall_date(int64_t wall_us, bool with_time);

/* "2026-01-31 12:00:00.123", in the local zone. Owner: the caller frees. */
char *terminal_time(int64_t instant_us);

/* "1 object", "2,000 objects". Owner: the caller frees. */
char *terminal_count(uint64_t count, const char *one, const char *many);

/* True if nobody reads stdout any more: a pipe whose other end is closed. */
bool terminal_reader_gone(void);
