/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a command's change of a bucket's state without a daemon: under the lock, without a watched
 * bucket, and without workers. */
#pragma once

#include "config/config.h"
#include "journal/bucket_state.h"
#include "passes/backfill.h"
#include "passes/sweep_task.h"
#include "queue/away.h"
#include "rules/window_switch.h"
#include "run.h"

#include <glib.h>
#include <stdbool.h>

/* The parts that such work uses. */
typedef struct {
    const BucketState *state;
    DaemonRun *run;
    const SweepParts *sweeps;
    const Backfill *backfill;
    Away *away;
    WindowSwitch *window;
} OfflineParts;

/*
 * Opens the parts that a change of state needs, under the lock, calls `work` and commits.
 * Errors: those of common_parts_open and of `work`; ERROR_IO if state or thumbnails were moved
 * meanwhile.
 */
typedef bool (*OfflineWork)(const OfflineParts *parts, void *data, GError **error);
bool offline_run(const char *bucket, const Config *config, OfflineWork work, void *data,
                 GError **error);

/* As offline_run, with a copy of the store: nothing in bucket, prefix and state changes. */
bool offline_run_copy(const char *bucket, const Config *config, OfflineWork work, void *data,
                      GError **error);
