/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the events of the log for a trigger: counts, skips, and the input of a command. */
#pragma once

#include "config/config.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Events of the log that a trigger asks for. */
typedef struct {
    /* Sequencer of the newest event that was read; no event up to it is left out. */
    uint64_t upto;
    /* Sequencers of the first and the last event that the trigger asks for; 0: none. */
    uint64_t first, last;
    uint64_t n_events;
    /* Wall clock: time of the first of them. */
    int64_t time_us;
    /* The events as JSON, one a line; NULL if only counted. Owned. */
    GString *input;
} TriggerBatch;

void trigger_batch_clear(TriggerBatch *batch);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TriggerBatch, trigger_batch_clear)

/* Counts the events behind `after`. */
bool trigger_batch_count(StoreSnapshot *snapshot, const TriggerConfig *config, uint64_t after,
                         TriggerBatch *ret_batch, GError **error);

/*
 * Counts the oldest events behind `after`: at least `n` of them, and all that are older than
 * `cutoff_us`.
 */
bool trigger_batch_count_oldest(StoreSnapshot *snapshot, const TriggerConfig *config,
                                uint64_t after, uint64_t n, int64_t cutoff_us,
                                TriggerBatch *ret_batch, GError **error);

/*
 * Reads the next events behind `after`, up to the sequencer `until`, as many as one command gets.
 * `bucket`: path of the bucket. Limits: DELIVERY_INPUT_MAX bytes, and config->batch events; one at
 * least. If `bucket` is NULL, the events are only counted, without a limit.
 */
bool trigger_batch_read(StoreSnapshot *snapshot, const TriggerConfig *config, uint64_t after,
                        uint64_t until, const char *bucket, TriggerBatch *ret_batch,
                        GError **error);
