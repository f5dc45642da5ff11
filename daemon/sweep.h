/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeps: passes over the records and the thumbnails that put right what events cannot tell of. Of
 * thumbnails, only what thumbq made, and still knows as its own by a mark on the file, is ever
 * removed; of objects, only what a lifecycle rule of the user's says.
 */
#pragma once

#include "config.h"
#include "progress_count.h"
#include "store.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    SWEEP_ORPHANS = 1 << 0, /* thumbnails without a record: removed */
    SWEEP_MISSING = 1 << 1, /* done objects whose thumbnails are gone or changed: made again */
    SWEEP_STALE = 1 << 2,   /* done objects with thumbnails of another recipe: made again */
    SWEEP_EXPIRE = 1 << 3,  /* objects or thumbnails that a lifecycle rule says are old: removed */
    SWEEP_STORE = 1 << 4,   /* what store and destinations keep longer than they are to */
    SWEEP_ALL = SWEEP_ORPHANS | SWEEP_MISSING | SWEEP_STALE | SWEEP_EXPIRE | SWEEP_STORE,
} SweepKinds;

typedef struct {
    uint64_t records, files;     /* looked at */
    uint64_t orphans;            /* removed */
    uint64_t missing, stale;     /* objects made pending */
    uint64_t expired;            /* objects deleted */
    uint64_t expired_thumbnails; /* objects whose thumbnails were removed */
    uint64_t failed;             /* that could not be deleted */
    uint64_t away;               /* objects forgotten, of mounts that are not there */
    StoreUpkeep store;           /* of SWEEP_STORE */
    uint64_t destinations;       /* old destination records, of SWEEP_STORE */
    bool is_held;                /* nothing expires: the clock is not to be believed */
    uint64_t foreign; /* files in the thumbnails' folders that bear no mark: left alone */
} SweepCounts;

/* Of sweep_kinds_from_name, as text. */
#define SWEEP_KIND_NAMES "orphans, missing, stale, expire, store, all"

/* "orphans", "missing", "stale", "expire", "store" or "all". */
bool sweep_kinds_from_name(const char *name, SweepKinds *ret_kinds);

/* "3 orphaned thumbnails removed, ..." for people. Owner: the caller frees. */
char *sweep_describe(const SweepCounts *counts, bool dry_run);

/*
 * Told of each thing that is done, or would be: "KIND TAB NAME TAB REASON", all of it text. `line`
 * is borrowed for the call. False if it can take no more right now: the same line comes again.
 */
typedef bool (*SweepNote)(const char *line, void *data);

typedef struct {
    SweepKinds kinds;
    bool dry_run;      /* nothing is changed */
    bool is_look;      /* at each start, so it is quick: no event, nobody's access is adjusted */
    bool include_away; /* with SWEEP_ORPHANS: objects that are away are forgotten */
    SweepNote note;    /* or NULL */
    void *note_data;
    ProgressFunction progress; /* told how far it is; or NULL */
    void *progress_data;
} SweepOptions;

/*
 * Sweeps a bucket that no daemon runs on, under its lock. What is to be made again is pending
 * afterwards: the next run makes it. Errors: ERROR_LOCKED, ERROR_NOT_FOUND, those of the store.
 */
bool sweep_run(const char *bucket, const Config *config, const SweepOptions *options,
               SweepCounts *ret_counts, GError **error);
