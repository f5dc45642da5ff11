/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of objects that `list` and `dead list` print.
 */
#pragma once

#include "context.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *sort;
    bool reverse;
    uint64_t limit;
    bool json;
    bool csv, csv_raw;
    /* Message on a terminal if there are no objects. NULL means the usual message. */
    const char *none;
} ListOptions;

/* Prints the objects that the context's filter selects. Returns the exit status, or -1 with *error
 * set. */
int list_print(Context *context, const ListOptions *list, GError **error);
