/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals as JSON, as `thumbq stats --json` prints them. The caller has the reference of each
 * result.
 */
#pragma once

#include "model/invocation.h"
#include "model/object_totals.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct {
    /* Path. */
    const char *bucket;
    /*
     * True if `objects` counts selected objects only; `invocations` always counts the whole bucket.
     */
    bool is_filtered;
    const ObjectTotals *objects;
    uint64_t away;
    /* A list of stats_type_json; stats_json takes the reference. */
    json_t *by_type;
    const InvocationFigures *invocations;
    /* Back-fill waits for a schedule to resume it. */
    bool is_backfill_paused;
    /* Work waits until more space is free than the reserve. */
    bool is_disk_low;
} Stats;

/* Makes {"bucket":...,"objects":{...},...}. */
json_t *stats_json(const Stats *stats);

/* Makes {"type":"jpeg","objects":...,"bytes":...}. */
json_t *stats_type_json(const char *type, const ObjectTotals *totals);

/* Makes {"group":...,"objects":...,...}, one line of `stats --by --json`. */
json_t *stats_group_json(const char *group, const ObjectTotals *totals);

/* Parses a result of stats_group_json. Sets only the totals that it prints. Returns false for
 * anything else. Owner of *ret_group: the caller frees. */
bool stats_group_parse(const json_t *json, char **ret_group, ObjectTotals *ret_totals);
