/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "sweep_private.h"

/* A sweep without a daemon: a loop of its own, under the lock. */
typedef struct {
    const SweepOptions *options;
    Daemon *daemon;
    SweepCounts counts;
} OfflineSweep;

static gboolean tell_progress(gpointer data)
{
    const OfflineSweep *offline = data;
    ProgressCount count;

    if (sweep_progress(offline->daemon, offline, &count))
        offline->options->progress(&count, offline->options->progress_data);
    return G_SOURCE_CONTINUE;
}

static void end_offline(const SweepCounts *counts, bool complete, void *data)
{
    OfflineSweep *offline = data;

    (void)complete; /* if not, daemon->error says why */
    offline->counts = *counts;
    g_main_loop_quit(offline->daemon->loop);
}

static bool sweep_offline(Daemon *daemon, void *data, GError **error)
{
    OfflineSweep *offline = data;
    bool has_progress = offline->options->progress != NULL;

    (void)error;
    offline->daemon = daemon;
    if (!offline->options->dry_run)
        clock_guard_start(daemon);
    if (!away_take_mounts(daemon))
        return true; /* daemon->error says why */
    guint ticker = has_progress ? g_timeout_add(PROGRESS_MS, tell_progress, offline) : 0;
    sweep_start(daemon, offline->options, end_offline, offline);
    g_main_loop_run(daemon->loop);
    g_clear_handle_id(&ticker, g_source_remove);
    if (offline->options->dry_run)
        store_abort(daemon->store); /* what is mounted is not written down either */
    return true;
}

bool sweep_run(const char *bucket, const Config *config, const SweepOptions *options,
               SweepCounts *ret_counts, GError **error)
{
    OfflineSweep offline = {.options = options};

    if (options->dry_run ? !offline_look(bucket, config, sweep_offline, &offline, error)
                         : !offline_run(bucket, config, sweep_offline, &offline, error))
        return false;
    *ret_counts = offline.counts;
    return true;
}
