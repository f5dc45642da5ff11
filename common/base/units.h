/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities as people write them in options and configuration, and as messages print them. All
 * parsers need the whole text: trailing text, overflow and negative values are errors (ERROR_USAGE,
 * with the text).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Parses bytes: `512`, `10K`, `2M`, `1G`, `1T` (powers of 1024; optional `B` or `iB`). Decimals are
 * allowed: `1.5M`.
 */
bool units_parse_bytes(const char *text, int64_t *ret_bytes, GError **error);

/* Parses a count: `150M` is 150,000,000 (powers of 1000). Decimals are allowed. */
bool units_parse_count(const char *text, int64_t *ret_count, GError **error);

/*
 * Parses `500ms`, `15s`, `2m`, `1h`, `30d`, `2w` into microseconds. A number without a unit is
 * refused, except 0: some programs mean seconds by it, others days.
 */
bool units_parse_duration(const char *text, int64_t *ret_us, GError **error);

/* True if the text is a number without a unit: digits with an optional decimal part. */
bool units_is_bare_number(const char *text);

/* Formats "812 B", "12.3 KiB", "4.0 MiB", ... Owner: the caller frees. */
char *units_format_bytes(int64_t bytes);

/* Converts bytes to whole mebibytes, rounded up, as Lambda counts memory. */
int64_t units_mebibytes(int64_t bytes);

/* Formats "12,345,678". Owner: the caller frees. */
char *units_format_count(int64_t count);

/*
 * Finds the name nearest to `text` among the `n` names, by edit distance; NULL if no name is near.
 */
const char *units_nearest(const char *text, const char *const *names, size_t n);
