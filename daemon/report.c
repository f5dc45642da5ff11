/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "committed_totals.h"

#include <inttypes.h>

struct Reporter {
    const DaemonOptions *options;
    const Backfill *backfill;
    const Dispatch *dispatch;
    guint source;
    Backlog backlog;
    /* Number of dead objects at the last time without work. */
    uint64_t dead;
};

/* Adds new objects to the total; objects that left the queue count as done. */
static void backlog_follow(Backlog *backlog, uint64_t left)
{
    if (left > backlog->left)
        backlog->total += left - backlog->left;
    backlog->left = left;
}

bool report_backlog(const Backfill *backfill, Backlog *backlog, ProgressCount *ret_count)
{
    ObjectTotals totals;

    if (!committed_totals_read(backfill->state->store, &totals))
        return false;
    backlog_follow(backlog, totals.by_state[STATE_PENDING] + totals.by_state[STATE_RUNNING] +
                                backfill_unqueued(backfill));
    *ret_count = (ProgressCount){.done = backlog->total - backlog->left,
                                 .total = backlog->total,
                                 .failed = totals.by_state[STATE_DEAD],
                                 .is_growing = bucket_is_scanning(backfill->state->bucket)};
    return true;
}

/* Passes the progress of the job, or of all work, to the caller of the daemon; NULL when there is
 * no work. */
static gboolean report_progress(gpointer data)
{
    Reporter *reporter = data;
    const DaemonOptions *options = reporter->options;
    ProgressCount count;
    JobState state;

    if (options->job != 0) {
        if (backfill_progress(reporter->backfill, options->job, &count, &state))
            options->progress(&count, options->progress_data);
        return G_SOURCE_CONTINUE;
    }
    if (!report_backlog(reporter->backfill, &reporter->backlog, &count))
        return G_SOURCE_CONTINUE;
    bool is_idle = reporter->backlog.left == 0 && dispatch_busy(reporter->dispatch) == 0;
    if (is_idle && !(options->once && count.is_growing)) {
        reporter->backlog = (Backlog){0};
        reporter->dead = count.failed;
        options->progress(NULL, options->progress_data);
        return G_SOURCE_CONTINUE;
    }
    count.failed -= MIN(count.failed, reporter->dead);
    options->progress(&count, options->progress_data);
    return G_SOURCE_CONTINUE;
}

Reporter *reporter_new(const DaemonOptions *options, const Backfill *backfill,
                       const Dispatch *dispatch)
{
    if (!options->progress)
        return NULL;
    Reporter *reporter = g_new0(Reporter, 1);
    reporter->options = options;
    reporter->backfill = backfill;
    reporter->dispatch = dispatch;
    reporter->dead = report_dead(backfill->state->store);
    reporter->source = g_timeout_add(REPORT_PROGRESS_MS, report_progress, reporter);
    return reporter;
}

void reporter_free(Reporter *reporter)
{
    if (!reporter)
        return;
    g_source_remove(reporter->source);
    g_free(reporter);
}

uint64_t report_dead(Store *store)
{
    ObjectTotals totals;

    return committed_totals_read(store, &totals) ? totals.by_state[STATE_DEAD] : 0;
}

char *report_status(const BucketState *state, const Dispatch *dispatch)
{
    ObjectTotals totals;

    if (!committed_totals_read(state->store, &totals))
        return NULL;
    uint64_t left = totals.by_state[STATE_PENDING] + totals.by_state[STATE_RUNNING];
    g_autofree char *objects = units_format_count((int64_t)totals.objects);
    g_autofree char *rest = units_format_count((int64_t)left);
    g_autofree char *done = units_format_count((int64_t)totals.by_state[STATE_DONE]);
    return g_strdup_printf(
        "%s %s: %s done, %s to do, %" PRIu64 " dead%s%s", objects,
        totals.objects == 1 ? "object" : "objects", done, rest, totals.by_state[STATE_DEAD],
        bucket_is_scanning(state->bucket) ? "; looking through the bucket" : "",
        dispatch_waits_for_disk(dispatch) && left > 0 ? "; waiting for room on the disk" : "");
}

void report_summary(const DaemonOptions *options, Store *store, const Dispatch *dispatch,
                    int64_t took_us)
{
    uint64_t n = dispatch_invocations(dispatch);
    ObjectTotals totals;
    g_autofree char *took = clock_format_duration(took_us);

    /* Under cron(8) each line is sent as mail. */
    if (options->quiet && !options->summary && n == 0)
        return;
    if (!committed_totals_read(store, &totals))
        return;
    g_autofree char *objects = units_format_count((int64_t)totals.objects);
    g_autofree char *invocations = units_format_count((int64_t)n);
    g_autofree char *states = g_strdup_printf(
        "%" PRIu64 " done, %" PRIu64 " skipped, %" PRIu64 " dead", totals.by_state[STATE_DONE],
        totals.by_state[STATE_SKIPPED], totals.by_state[STATE_DEAD]);

    if (n == 0)
        log_info("%s %s (%s), all up to date: nothing to do (%s)", objects,
                 totals.objects == 1 ? "object" : "objects", states, took);
    else
        log_info("%s %s (%s) after %s %s in %s", objects,
                 totals.objects == 1 ? "object" : "objects", states, invocations,
                 n == 1 ? "invocation" : "invocations", took);
}
