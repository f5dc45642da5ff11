/*
 * Sweeps: passes over the records and the thumbnails that put right what events cannot tell of.
 * Only what thumbq made, and still knows as its own by a mark on the file, is ever removed.
 */
#pragma once

#include "config.h"
#include "progress_count.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    SWEEP_ORPHANS = 1 << 0, /* thumbnails without a record: removed */
    SWEEP_MISSING = 1 << 1, /* done objects without their thumbnails: made again */
    SWEEP_STALE = 1 << 2,   /* done objects with thumbnails of another recipe: made again */
    SWEEP_ALL = SWEEP_ORPHANS | SWEEP_MISSING | SWEEP_STALE,
} SweepKinds;

typedef struct {
    uint64_t records, files; /* looked at */
    uint64_t orphans;        /* removed */
    uint64_t missing, stale; /* objects made pending */
    uint64_t foreign;        /* files in the thumbnails' folders that bear no mark: left alone */
} SweepCounts;

/* Of sweep_kinds_from_name, as text. */
#define SWEEP_KIND_NAMES "orphans, missing, stale, all"

/* "orphans", "missing", "stale" or "all". */
bool sweep_kinds_from_name(const char *name, SweepKinds *ret_kinds);

/* "3 orphans removed, ..." as a sentence for people. Owner: the caller frees. */
char *sweep_describe(const SweepCounts *counts, SweepKinds kinds, bool dry_run);

/*
 * Sweeps a bucket that no daemon runs on, under its lock. What is to be made again is pending
 * afterwards: the next run makes it. With `dry_run` nothing is changed, only counted. `progress`
 * (may be NULL) is told how far it is. Errors: ERROR_LOCKED, ERROR_NOT_FOUND, those of the store.
 */
bool sweep_run(const char *bucket, const Config *config, SweepKinds kinds, bool dry_run,
               ProgressFunction progress, void *progress_data, SweepCounts *ret_counts,
               GError **error);
