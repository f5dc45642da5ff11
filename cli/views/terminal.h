/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output for people: colour if it is wanted, text that cannot drive the terminal, figures with
 * units. Scripts read JSON or CSV instead.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Properties of the output. A process that prints for another one sets them. */
typedef struct {
    bool is_interactive, has_color, has_truecolor, is_unicode;
    size_t width;
} TerminalStyle;

/* Returns the properties of stdout. */
TerminalStyle terminal_style(void);

/* Replaces the properties of stdout; `style` is borrowed. NULL restores the real ones. */
void terminal_set_style(const TerminalStyle *style);

/* Returns true if stdout is a terminal. */
bool terminal_is_interactive(void);

/*
 * Returns true if stdout is a terminal with colour, and NO_COLOR (https://no-color.org) is not set.
 */
bool terminal_has_color(void);

/* Returns true if the terminal also declares 24-bit colour. */
bool terminal_has_truecolor(void);

/* Returns true if output may be UTF-8, according to the locale (LC_CTYPE). */
bool terminal_is_unicode(void);

/* Columns of a terminal that does not report its width. */
#define TERMINAL_WIDTH_DEFAULT 80

/* Returns the columns of the terminal at stdout; 0 without a terminal, which means no limit. */
size_t terminal_width(void);

/* Return the same properties of stderr, for messages while a command works. */
bool terminal_error_is_interactive(void);
bool terminal_error_has_color(void);
size_t terminal_error_width(void);

/* Returns escape sequences, or "" if terminal_has_color is false. Static. */
const char *terminal_red(void);
const char *terminal_bold(void);
const char *terminal_reset(void);

/* Returns `text` with all characters that could drive a terminal replaced by '?'. Owner: the caller
 * frees. */
char *terminal_safe(const char *text);

/* Formats a duration as "0.42 ms", "18.2 ms", "1.3 s" and so on; "" for 0 or less, which means
 * unknown. Owner: the caller frees. */
char *terminal_duration(int64_t duration_us);

/* Formats an instant in the local zone, as "2026-01-31" or "2026-01-31 12:00". Owner: the caller
 * frees. */
char *terminal_date(int64_t instant_us, bool with_time);

/* Formats a reading of a clock without a zone (record_date_us), as terminal_date does. Owner: the
 * caller frees. */
char *terminal_wall_date(int64_t wall_us, bool with_time);

/* Formats an instant in the local zone, as "2026-01-31 12:00:00.123". Owner: the caller frees. */
char *terminal_time(int64_t instant_us);

/* Formats a number with its noun, as "1 object" or "2,000 objects". Owner: the caller frees. */
char *terminal_count(uint64_t count, const char *one, const char *many);

/* Returns true if stdout is a pipe whose reading end is closed. */
bool terminal_reader_gone(void);
