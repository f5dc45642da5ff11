/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "error.h"
#include "log.h"
#include "units.h"

#include <inttypes.h>
#include <string.h>

struct Reporter {
    Daemon *daemon;
    guint source;
    Backlog backlog;
    uint64_t dead; /* when there was nothing to do the last time */
};

void report_invocation(const Job *job, const PoolUsage *usage, ErrorCode code, const char *message)
{
    if (job->daemon->options->quiet)
        return;

    g_autofree char *id = record_request_id(job->request_id);
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *key = object_key_to_text(job->key, NULL);
    g_string_append_printf(line,
                           "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %" PRId64
                           " ms\tMemory Size: %" PRId64 " MB\tMax Memory Used: %" PRId64 " MB",
                           id, (double)usage->duration_us / CLOCK_US_PER_MS,
                           (usage->duration_us + 999) / CLOCK_US_PER_MS,
                           units_mebibytes(job->daemon->config->memory_bytes),
                           units_mebibytes(usage->memory_bytes));
    if (usage->init_us > 0)
        g_string_append_printf(line, "\tInit Duration: %.2f ms",
                               (double)usage->init_us / CLOCK_US_PER_MS);
    if (code == ERROR_TIMEOUT)
        g_string_append(line, "\tStatus: timeout");
    else if (code != ERROR_NONE)
        g_string_append_printf(line, "\tStatus: error\tError Type: %s", error_name(code));
    g_string_append_printf(line, "\tKey: %s", key);
    if (code != ERROR_NONE)
        g_string_append_printf(line, "\tError: %s", *message ? message : error_text(code));
    g_string_append_c(line, '\n');
    log_write(line->str, line->len);
}

static bool add_up(const char *group, const StoreTotals *totals, void *data)
{
    (void)group;
    *(StoreTotals *)data = *totals;
    return true;
}

bool report_totals(Daemon *daemon, StoreTotals *ret_totals)
{
    g_autoptr(StoreSnapshot) snapshot =
        daemon->store ? store_snapshot_begin(daemon->store, NULL) : NULL;
    const StoreFilter everything = {0};

    memset(ret_totals, 0, sizeof *ret_totals);
    return snapshot && store_totals(snapshot, &everything, STORE_BY_ALL, add_up, ret_totals, NULL);
}

/* What comes is added to the total; what goes has been done. */
static void backlog_follow(Backlog *backlog, uint64_t left)
{
    if (left > backlog->left)
        backlog->total += left - backlog->left;
    backlog->left = left;
}

bool report_backlog(Daemon *daemon, Backlog *backlog, ProgressCount *ret_count)
{
    StoreTotals totals;

    if (!report_totals(daemon, &totals))
        return false;
    backlog_follow(backlog, totals.by_state[STATE_PENDING] + totals.by_state[STATE_RUNNING] +
                                backfill_unqueued(daemon));
    *ret_count = (ProgressCount){.done = backlog->total - backlog->left,
                                 .total = backlog->total,
                                 .failed = totals.by_state[STATE_DEAD],
                                 .is_growing = bucket_is_scanning(daemon->bucket)};
    return true;
}

static gboolean report_progress(gpointer data)
{
    Reporter *reporter = data;
    Daemon *daemon = reporter->daemon;
    const DaemonOptions *options = daemon->options;
    ProgressCount count;
    JobState state;

    if (options->job != 0) {
        if (backfill_progress(daemon, options->job, &count, &state))
            options->progress(&count, options->progress_data);
        return G_SOURCE_CONTINUE;
    }
    if (!report_backlog(daemon, &reporter->backlog, &count))
        return G_SOURCE_CONTINUE;
    bool is_idle = reporter->backlog.left == 0 && pool_busy(daemon->pool) == 0;
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

Reporter *reporter_new(Daemon *daemon)
{
    if (!daemon->options->progress)
        return NULL;
    Reporter *reporter = g_new0(Reporter, 1);
    reporter->daemon = daemon;
    reporter->dead = report_dead(daemon);
    reporter->source = g_timeout_add(PROGRESS_MS, report_progress, reporter);
    return reporter;
}

void reporter_free(Reporter *reporter)
{
    if (!reporter)
        return;
    g_source_remove(reporter->source);
    g_free(reporter);
}

uint64_t report_dead(Daemon *daemon)
{
    StoreTotals totals;

    return report_totals(daemon, &totals) ? totals.by_state[STATE_DEAD] : 0;
}

char *report_status(Daemon *daemon)
{
    StoreTotals totals;

    if (!report_totals(daemon, &totals))
        return NULL;
    uint64_t left = totals.by_state[STATE_PENDING] + totals.by_state[STATE_RUNNING];
    g_autofree char *objects = units_format_count((int64_t)totals.objects);
    g_autofree char *rest = units_format_count((int64_t)left);
    g_autofree char *done = units_format_count((int64_t)totals.by_state[STATE_DONE]);
    return g_strdup_printf(
        "%s %s: %s done, %s to do, %" PRIu64 " dead%s", objects,
        totals.objects == 1 ? "object" : "objects", done, rest, totals.by_state[STATE_DEAD],
        bucket_is_scanning(daemon->bucket) ? "; looking through the bucket" : "");
}

void report_summary(Daemon *daemon, int64_t took_us)
{
    StoreTotals totals;
    g_autofree char *took = clock_format_duration(took_us);

    /* From cron(8) each line is a mail. */
    if (daemon->options->quiet && daemon->invocations == 0)
        return;
    if (!report_totals(daemon, &totals))
        return;
    g_autofree char *objects = units_format_count((int64_t)totals.objects);
    g_autofree char *invocations = units_format_count((int64_t)daemon->invocations);
    g_autofree char *states = g_strdup_printf(
        "%" PRIu64 " done, %" PRIu64 " skipped, %" PRIu64 " dead", totals.by_state[STATE_DONE],
        totals.by_state[STATE_SKIPPED], totals.by_state[STATE_DEAD]);

    if (daemon->invocations == 0)
        log_info("%s %s (%s), all up to date: nothing to do (%s)", objects,
                 totals.objects == 1 ? "object" : "objects", states, took);
    else
        log_info("%s %s (%s) after %s %s in %s", objects,
                 totals.objects == 1 ? "object" : "objects", states, invocations,
                 daemon->invocations == 1 ? "invocation" : "invocations", took);
}
