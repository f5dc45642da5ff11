/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the daemon that triggers use: they do not know the daemon as a whole. */
#pragma once

#include "journal/journal.h"
#include "journal/lock.h"
#include "rules/clock_guard.h"
#include "store/store.h"

/* All borrowed. */
typedef struct {
    /* Path of the bucket. */
    const char *bucket;
    Journal *journal;
    /* Contains the descriptor of the state folder. */
    const Lock *lock;
    const ClockGuard *clock_guard;
    /* The place of the store's pointer, which changes when the journal reopens the store. */
    Store *const *store;
    /* The run ends when the triggers are settled: failed batches are tried again at once. */
    bool once;
} TriggerParts;
