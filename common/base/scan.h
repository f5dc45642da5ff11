/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads numbers and fixed texts from the front of a text. sscanf neither limits a number nor
 * refuses signs and blanks before it. On success *at moves behind the parsed text; on failure it
 * does not move.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Reads a decimal number from 0 to `max`, digits only. False if there is none, or if it is larger.
 */
bool scan_number(const char **at, uint64_t max, uint64_t *ret_number);

/* As scan_number, for an int; `max` is not negative. */
bool scan_int(const char **at, int max, int *ret_number);

/* Skips `expected`; false if the text does not begin with it. */
bool scan_text(const char **at, const char *expected);

/* Skips blanks and tabs, if there are any. */
void scan_blanks(const char **at);
