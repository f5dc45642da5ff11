/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities as people write them in options and configuration, and as they like to read them.
 * All parsers take the whole text: trailing rubbish, overflow and negative values are errors
 * (ERROR_USAGE, naming the text).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* `512`, `10K`, `2M`, `1G`, `1T` (powers of 1024; optional `B` or `iB`), decimals allowed: `1.5M`.
 */
bool units_parse_bytes(const char *text, int64_t *ret_bytes, GError **error);

/* Plain count: `150M` is 150,000,000 (powers of 1000), decimals allowed. */
bool units_parse_count(const char *text, int64_t *ret_count, GError **error);

/*
 * `500ms`, `15s`, `2m`, `1h`, `30d`, `2w`; result in microseconds. A number without a unit is
 * refused, except 0: one program counts it in seconds, another in days.
 */
bool units_parse_duration(const char *text, int64_t *ret_us, GError **error);

/* True for digits, with a decimal part or without, and nothing behind them. */
bool units_is_bare_number(const char *text);

/* "812 B", "12.3 KiB", "4.0 MiB", ... Owner: the caller frees. */
char *units_format_bytes(int64_t bytes);

/* Whole mebibytes, rounded up, as Lambda counts memory. */
int64_t units_mebibytes(int64_t bytes);

/* "12,345,678". Owner: the caller frees. */
char *units_format_count(int64_t count);

/* The nearest of `names` (`n` of them) to `text` by edit distance, or NULL if none is near. */
const char *units_nearest(const char *text, const char *const *names, size_t n);
