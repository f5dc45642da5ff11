/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeps: passes over the records and the thumbnails that correct what events cannot report. A
 * sweep removes only thumbnails that thumbq made and that bear its mark, and only objects that a
 * lifecycle rule of the user selects.
 */
#pragma once

#include "base/progress_count.h"
#include "config/config.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    /* Removes thumbnails without a record. */
    SWEEP_ORPHANS = 1 << 0,
    /* Makes thumbnails of done objects again that are gone or changed. */
    SWEEP_MISSING = 1 << 1,
    /* Makes thumbnails of done objects again that have another recipe. */
    SWEEP_STALE = 1 << 2,
    /* Removes objects or thumbnails that are old by a lifecycle rule. */
    SWEEP_EXPIRE = 1 << 3,
    /* Drops data of the store and destination records that are kept for too long. */
    SWEEP_STORE = 1 << 4,
    SWEEP_ALL = SWEEP_ORPHANS | SWEEP_MISSING | SWEEP_STALE | SWEEP_EXPIRE | SWEEP_STORE,
} SweepKinds;

typedef struct {
    /* Numbers of records and files examined. */
    uint64_t records, files;
    /* Thumbnails removed. */
    uint64_t orphans;
    /* Objects made pending. */
    uint64_t missing, stale;
    /* Objects deleted. */
    uint64_t expired;
    /* Objects whose thumbnails were removed. */
    uint64_t expired_thumbnails;
    /* Objects that could not be deleted. */
    uint64_t failed;
    /* Objects forgotten because their mount is absent. */
    uint64_t away;
    /* Counts of SWEEP_STORE. */
    StoreUpkeep store;
    /* Old destination records dropped, of SWEEP_STORE. */
    uint64_t destinations;
    /* Nothing expires, because the clock is not trusted. */
    bool is_held;
    /* Files in the thumbnails' folders without a mark: left alone. */
    uint64_t foreign;
} SweepCounts;

/*
 * Receives each action, done or (in a dry run) planned: "KIND TAB NAME TAB REASON", all of it text.
 * `line` is borrowed for the call. Returns false if it cannot take more now: the same line comes
 * again.
 */
typedef bool (*SweepNote)(const char *line, void *data);

typedef struct {
    SweepKinds kinds;
    /* Nothing is changed. */
    bool dry_run;
    /* A quick sweep at each start: no event is logged, and no access rights are adjusted. */
    bool is_quick;
    /* With SWEEP_ORPHANS: objects that are away are forgotten. */
    bool include_away;
    /* May be NULL. */
    SweepNote note;
    void *note_data;
    /* Called with the progress; may be NULL. */
    ProgressFunction progress;
    void *progress_data;
} SweepOptions;

/*
 * Sweeps a bucket without a running daemon, under its lock. Objects to be made again are pending
 * afterwards: the next run makes them. Errors: ERROR_LOCKED, ERROR_NOT_FOUND, those of the
 * store.
 */
bool sweep_run(const char *bucket, const Config *config, const SweepOptions *options,
               SweepCounts *ret_counts, GError **error);
