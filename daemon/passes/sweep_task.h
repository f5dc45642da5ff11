/* SPDX-License-Identifier: Apache-2.0 */
/* The common data of a sweep's parts: the kinds that are wanted, the counts, and the receiver of
 * notes. */
#pragma once

#include "daemon/sweep.h"
#include "journal/bucket_state.h"
#include "passes/pass.h"

#include <stdbool.h>

typedef struct ClockGuard ClockGuard;
typedef struct Objects Objects;

/* The parts of the daemon that sweeps use. Borrowed. */
typedef struct {
    const BucketState *state;
    Passes *passes;
    Objects *objects;
    ClockGuard *clock_guard;
} SweepParts;

typedef struct {
    const SweepParts *parts;
    SweepKinds kinds;
    bool dry_run;
    bool is_quick;
    bool include_away;
    SweepNote note;
    void *note_data;
    /* Owned: the note that was not accepted yet. */
    char *line;
    SweepCounts counts;
} SweepTask;

/* A part processes one kind of rows. `open` makes the part when its turn comes, `next` is that of a
 * pass, `close` frees it. */
typedef struct {
    void *(*open)(SweepTask *task);
    PassStep (*next)(void *part, GError **error);
    void (*close)(void *part);
} SweepPart;

/* Reports an action, done or (in a dry run) planned: `name` and `reason` are text. */
void sweep_task_report(SweepTask *task, const char *kind, const char *name, const char *reason);
void sweep_task_report_object(SweepTask *task, const char *kind, const char *key,
                              const char *reason);

/* Passes the pending line on. Returns false if the receiver is full. */
bool sweep_task_flush(SweepTask *task);
