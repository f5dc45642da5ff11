/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on stderr that tells a person how far a piece of work is:
 *
 *   reprocess [███████▌           ]  41%  4,120 of 10,000  312/s  0:19 left  2 failed
 *
 * On a terminal only; in a pipe, in the background or on a dumb one nothing is written. It is drawn
 * ten times a second at the most, fits the width of the moment, and makes way for whatever is
 * logged. The cursor rests at its beginning, so that a terminal that folds it when it becomes
 * narrower loses no line of others.
 */
#pragma once

#include "progress_count.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- the line -----------------------------------------------------------------------------------
 */

/* How fast it goes: work of late, which weighs the less the longer ago it was. All zero at first.
 */
typedef struct {
    bool is_begun;
    int64_t at_us; /* monotonic: when `done` was told */
    uint64_t done;
    double work, seconds; /* decayed sums */
} ProgressRate;

/* Work that is less than before (another run of it) begins anew. */
void progress_rate_add(ProgressRate *rate, uint64_t done, int64_t now_us);

/* Per second; negative while nobody can tell. */
double progress_rate_value(const ProgressRate *rate);

/*
 * The line without its end, of at most `width` columns: what does not fit is left out, the bar
 * first, the count last. `rate` as progress_rate_value. Owner: the caller frees.
 */
char *progress_format(const char *label, const ProgressCount *count, double rate, unsigned width);

/* ---- the terminal -------------------------------------------------------------------------------
 */

typedef struct Progress Progress;

/*
 * `label` is copied. One at a time; from here on its line makes way for log messages, and for
 * SIGINT, SIGTERM and SIGHUP where they end the process. Returns NULL, which all the others take,
 * where stderr is not a terminal. Owner: progress_free.
 */
Progress *progress_new(const char *label);

/*
 * Draws, unless that was done a moment ago; without `count` takes the line away. A ProgressFunction
 * with a Progress as its data.
 */
void progress_update(const ProgressCount *count, void *progress);

/* Leaves no trace of the line. */
void progress_free(Progress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)
