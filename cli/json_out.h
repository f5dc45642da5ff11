/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON on stdout: the values that occur everywhere, each in the one form that the contract gives
 * it. Values are built with jansson; what these functions return is a new reference.
 */
#pragma once

#include "error.h"

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Writes `value` to stdout as one line, and gives it up. */
void json_out_print(json_t *value);

/*
 * One object whose last member `key` is a list, written item by item, so that a long one need not
 * be held. `object`, not empty, is what comes before the list; values are given up.
 */
void json_out_begin_list(json_t *object, const char *key);
void json_out_add_item(json_t *item, bool is_first);
void json_out_end_list(void);

/* Milliseconds: two decimals below 10 ms, one above. */
json_t *json_out_ms(int64_t duration_us);

/* "2026-01-31T12:00:00Z" */
json_t *json_out_seconds(int64_t wall_us);

/* "2026-01-31T12:00:00.123Z"; null for 0, which records use for "not yet". */
json_t *json_out_millis(int64_t wall_us);

/*
 * "2026-01-31T12:00:00.123456789Z", from nanoseconds: what tells one version of a file from
 * another.
 */
json_t *json_out_nanos(int64_t wall_ns);

/* Text that is UTF-8, or nearly: what is not becomes U+FFFD. */
json_t *json_out_text(const char *text);

/* The name of an error, null for none. */
json_t *json_out_error_name(ErrorCode error);

/*
 * Sets `key` to a name or path, which is bytes: what is no clean UTF-8 is percent-encoded, and
 * `<key>_encoding` is then "percent".
 */
void json_out_set_bytes(json_t *object, const char *key, const char *bytes);
