/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listing of objects that `list` and `dead list` share.
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
    const char *none; /* said on a terminal where there is nothing to list; NULL: the usual */
} ListOptions;

/* Prints the objects that the context's filter selects. The exit status, or -1 with *error set. */
int list_print(Context *context, const ListOptions *list, GError **error);
