/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers -> thumbnails -> store: judges the result of a work item, puts thumbnails into place,
 * and sets the next state of the object. A shortage of the machine is logged once a spell; with
 * `run --once` it ends the loop after some tries.
 */
#pragma once

#include "config/config.h"
#include "handlers/pool.h"
#include "queue/away.h"
#include "queue/brake.h"
#include "queue/news_report.h"
#include "queue/objects.h"
#include "queue/work_item.h"
#include "run.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The pointers are borrowed. */
typedef struct {
    const BucketState *state;
    DaemonRun *run;
    Away *away;
    Objects *objects;
    NewsReceiver news;
    /* Called after the outcome of a work item has become part of the batch. `record` is the
     * object's. */
    void (*concluded)(const WorkItem *item, const Record *record, void *data);
    void *data;
    /* No retry is delayed, and the loop ends after some faults of the machine. */
    bool once;
    /* Logs no REPORT lines. */
    bool quiet;
} OutcomeOptions;

/* Holds data on outcomes from one work item to the next. Copies `options`; `brake` is borrowed.
 * Owner: outcomes_free, after the last work item. */
Outcomes *outcomes_new(const OutcomeOptions *options, Brake *brake);
void outcomes_free(Outcomes *outcomes);

/* True while the last outcome was the machine's fault. */
bool outcomes_is_in_trouble(const Outcomes *outcomes);

/* True if the borrowers have handed this work back: it is done on this machine. */
bool outcomes_is_local(const Outcomes *outcomes, const WorkItem *item);

/* Returns the number of invocations that have ended. */
uint64_t outcomes_invocations(const Outcomes *outcomes);

/* Returns the longest delay of a retry, microseconds. */
int64_t outcome_longest_delay_us(const Config *config);

/* An InvocationDone. Takes `item`. */
void outcome_done(const Answer *answer, const InvocationUsage *usage, void *item);

/* Concludes a work item with nothing to make: all wanted thumbnails exist, and at most superfluous
 * ones are to be removed. Takes `item`. */
void outcome_nothing_to_make(WorkItem *item);

/* Concludes a work item that could not begin. Takes `item`. */
void outcome_failed_early(WorkItem *item, const GError *error);
