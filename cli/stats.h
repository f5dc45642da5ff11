/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `thumbq stats` is made of: totals, for people (stats_view.c) and for scripts (cmd_stats.c),
 * and groups (stats_groups.c).
 */
#pragma once

#include "context.h"
#include "store.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *by;
    bool json;
    bool csv, csv_raw;
} StatsOptions;

/* Prints a row per group. Errors: ERROR_USAGE for a grouping there is not; those of the store. */
bool stats_print_groups(Context *context, const StatsOptions *stats, GError **error);

/* Prints totals for people. */
bool stats_print_view(Context *context, GError **error);

/* Adds `totals` to `sum`. */
void stats_add(StoreTotals *sum, const StoreTotals *totals);
