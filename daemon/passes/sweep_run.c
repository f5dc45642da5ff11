/* SPDX-License-Identifier: Apache-2.0 */
/* A sweep without a daemon: the same pass, in a loop of its own, under the lock. Progress and notes
 * go to the command that asked for it. */
#include "base/clock.h"
#include "offline.h"
#include "passes/sweep_pass.h"
#include "report.h"
#include "rules/clock_guard.h"

typedef struct {
    const SweepOptions *options;
    const OfflineParts *parts;
    SweepCounts counts;
} OfflineSweep;

static gboolean report_progress(gpointer data)
{
    const OfflineSweep *offline = data;
    ProgressCount count;

    if (sweep_progress(offline->parts->sweeps, offline, &count))
        offline->options->progress(&count, offline->options->progress_data);
    return G_SOURCE_CONTINUE;
}

static void end_offline(const SweepCounts *counts, bool complete, void *data)
{
    OfflineSweep *offline = data;

    /* If false, the run's error says why. */
    (void)complete;
    offline->counts = *counts;
    run_end(offline->parts->run);
}

/* Sweeps in this process, while no daemon serves the bucket. */
static bool sweep_offline(const OfflineParts *parts, void *data, GError **error)
{
    OfflineSweep *offline = data;
    bool has_progress = offline->options->progress != NULL;

    (void)error;
    offline->parts = parts;
    if (!offline->options->dry_run)
        clock_guard_start(parts->sweeps->clock_guard);
    if (!away_update_mounts(parts->away))
        /* The run's error says why. */
        return true;
    guint ticker = has_progress ? g_timeout_add(REPORT_PROGRESS_MS, report_progress, offline) : 0;
    sweep_start(parts->sweeps, offline->options, end_offline, offline, NULL);
    run_loop(parts->run, 0);
    g_clear_handle_id(&ticker, g_source_remove);
    if (offline->options->dry_run)
        /* Discards the mounts, too. */
        store_abort(parts->state->store);
    return true;
}

bool sweep_run(const char *bucket, const Config *config, const SweepOptions *options,
               SweepCounts *ret_counts, GError **error)
{
    OfflineSweep offline = {.options = options};

    if (options->dry_run ? !offline_run_copy(bucket, config, sweep_offline, &offline, error)
                         : !offline_run(bucket, config, sweep_offline, &offline, error))
        return false;
    *ret_counts = offline.counts;
    return true;
}
