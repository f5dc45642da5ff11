/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of `thumbq stats`: totals for people (stats_view.c) and for scripts (cmd_stats.c), and
 * groups (stats_groups.c).
 */
#pragma once

#include "context.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *by;
    bool json;
    bool csv, csv_raw;
} StatsOptions;

/* Prints a row for each group. Errors: ERROR_USAGE for an unknown grouping; those of the store. */
bool stats_print_groups(Context *context, const StatsOptions *stats, GError **error);

/* Prints totals for people. Errors: those of the store. */
bool stats_print_view(Context *context, GError **error);
