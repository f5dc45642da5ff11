/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filters that every command understands: their options, and what the store makes of them.
 */
#pragma once

#include "options.h"
#include "store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* As on the command line: NULL for what was not given. */
typedef struct {
    const char *prefix;
    const char *match;
    const char *type;
    const char *state;
    const char *since;
    const char *until;
    const char *min_size;
    const char *max_size;
    bool damaged;
} FilterOptions;

/* Rows for the fields of FilterOptions. */
extern const Option filter_options[];

/*
 * Checks and translates. `now_us` (wall clock) is what ages such as `7d` count back from. The
 * filter borrows from `options`. Errors: ERROR_USAGE, naming the option and its value.
 */
bool filter_parse(const FilterOptions *options, int64_t now_us, StoreFilter *ret_filter,
                  GError **error);
