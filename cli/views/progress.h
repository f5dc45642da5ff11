/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line on stderr that shows the progress of some work:
 *
 *   reprocess [███████▌           ]  41%  4,120 of 10,000  312/s  0:19 left  2 failed
 *
 * It is drawn only on a terminal, and not in the background or on a dumb terminal. It is drawn at
 * most ten times a second, fits the current width, and is erased while a message is logged. The
 * cursor stays at the beginning of the line, so that a terminal that wraps the line when it gets
 * narrower does not overwrite other lines.
 */
#pragma once

#include "base/progress_count.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Rate of work: a decaying average, in which older work weighs less. All zero at first. */
typedef struct {
    bool is_begun;
    /* Monotonic clock: when `done` was last updated. */
    int64_t at_us;
    uint64_t done;
    /* Decayed sums. */
    double work, seconds;
} ProgressRate;

/* Adds the work done so far. A `done` below the last one starts a new average: the work was
 * restarted. */
void progress_rate_add(ProgressRate *rate, uint64_t done, int64_t now_us);

/* Returns the rate per second; a negative value until there is an estimate. */
double progress_rate_value(const ProgressRate *rate);

/*
 * Formats the line, without line feed, in at most `width` columns. Parts that do not fit are
 * dropped, the bar first and the count last. `rate` is as from progress_rate_value. Owner: the
 * caller frees.
 */
char *progress_format(const char *label, const ProgressCount *count, double rate, unsigned width);

typedef struct Progress Progress;

/*
 * Starts a progress line with a copy of `label`. There is one at a time. The line is erased for log
 * messages, and when SIGINT, SIGTERM or SIGHUP ends the process. Returns NULL if stderr is not a
 * terminal; the other functions accept NULL. Owner: progress_free.
 */
Progress *progress_new(const char *label);

/* Draws the line, unless it was drawn a moment ago. Erases the line if `count` is NULL. Usable as a
 * ProgressFunction, with the Progress as its data. */
void progress_update(const ProgressCount *count, void *progress);

/* Erases the line and frees the progress. */
void progress_free(Progress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)
