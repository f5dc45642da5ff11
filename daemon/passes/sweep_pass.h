/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeps of a daemon: one pass each, of one part after the other (records, files, store,
 * destination records). Without a daemon: see daemon/sweep.h. */
#pragma once

#include "daemon/sweep.h"
#include "passes/sweep_task.h"

#include <glib.h>
#include <stdbool.h>

/* `complete` is false if the batch was lost on the way. */
typedef void (*SweepDone)(const SweepCounts *counts, bool complete, void *data);

/*
 * Sweeps in slices, after the sweeps that are under way. `parts` must outlive the sweep. `options`
 * is used during the call only, and its progress is ignored: see sweep_progress. `destroy` (may be
 * NULL) frees `data` after `done`, or when the daemon ends before.
 */
void sweep_start(const SweepParts *parts, const SweepOptions *options, SweepDone done, void *data,
                 GDestroyNotify destroy);

/* Continues sweeps whose receiver of notes was full. */
void sweep_resume(const SweepParts *parts);

/* Returns the progress of the sweep that was started with `data`; false if there is none. */
bool sweep_progress(const SweepParts *parts, const void *data, ProgressCount *ret_count);
