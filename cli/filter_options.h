/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filters that commands share: their options, and their translation for the store.
 */
#pragma once

#include "options.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Values from the command line. NULL means not given. */
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

/* Option rows for the fields of FilterOptions. */
extern const CommandOption filter_options[];

/*
 * Checks the options and translates them into a filter, which borrows from `options`. Ages such as
 * `7d` count back from `now_us`, which is wall clock. Errors: ERROR_USAGE, with the option and its
 * value.
 */
bool filter_parse(const FilterOptions *options, int64_t now_us, StoreFilter *ret_filter,
                  GError **error);
