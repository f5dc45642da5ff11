/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that occur in many JSON outputs, each in the form that the contract defines. All functions
 * that return json_t return a new reference.
 */
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

/* Formats milliseconds: two decimals below 10 ms, one above. */
json_t *json_value_ms(int64_t duration_us);

/* Formats "2026-01-31T12:00:00Z". */
json_t *json_value_seconds(int64_t wall_us);

/* Formats "2026-01-31T12:00:00.123Z"; null for 0, which means "not yet" in records. */
json_t *json_value_millis(int64_t wall_us);

/*
 * Formats nanoseconds: "2026-01-31T12:00:00.123456789Z". Versions of a file differ in these digits.
 */
json_t *json_value_nanos(int64_t wall_ns);

/* Returns a string of text that should be UTF-8; invalid bytes become U+FFFD. */
json_t *json_value_text(const char *text);

/* Returns the name of an error; null for ERROR_NONE. */
json_t *json_value_error_name(ErrorCode error);

/*
 * Sets `key` to a name or path, which is a string of bytes. If the bytes are not clean UTF-8, they
 * are percent-encoded and `<key>_encoding` is set to "percent".
 */
void json_value_set_bytes(json_t *object, const char *key, const char *bytes);
