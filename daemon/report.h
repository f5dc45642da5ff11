/* SPDX-License-Identifier: Apache-2.0 */
/* Reports the daemon's work as a whole: its progress, and its result. */
#pragma once

#include "base/progress_count.h"
#include "daemon/daemon_options.h"
#include "journal/bucket_state.h"
#include "passes/backfill.h"
#include "queue/dispatch.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Milliseconds between two progress reports to waiting commands. */
#define REPORT_PROGRESS_MS 100

/* Progress of work from its beginning on. All zero at first. */
typedef struct {
    /* Numbers of objects. */
    uint64_t total, left;
} Backlog;

/*
 * Computes the progress from the committed number of pending objects; `total` counts since
 * `backlog` was zero. *ret_count's `failed` is the number of all dead objects. Returns false if the
 * store cannot be read.
 */
bool report_backlog(const Backfill *backfill, Backlog *backlog, ProgressCount *ret_count);

typedef struct Reporter Reporter;

/* Starts the calls of options->progress; returns NULL if it is not set. Borrows the arguments.
 * Owner: reporter_free. */
Reporter *reporter_new(const DaemonOptions *options, const Backfill *backfill,
                       const Dispatch *dispatch);
void reporter_free(Reporter *reporter);

/* Returns the committed number of dead objects; 0 if the store cannot be read. */
uint64_t report_dead(Store *store);

/* Formats "5 objects: 4 done, 1 to do, 0 dead"; NULL if the store cannot be read now. Owner: the
 * caller frees. */
char *report_status(const BucketState *state, const Dispatch *dispatch);

/* Logs the last line of `run --once`. */
void report_summary(const DaemonOptions *options, Store *store, const Dispatch *dispatch,
                    int64_t took_us);
