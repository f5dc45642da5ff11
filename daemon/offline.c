/* SPDX-License-Identifier: Apache-2.0 */
#include "offline.h"

#include "common_parts.h"
#include "journal/journal.h"
#include "journal/state_parts.h"
#include "parts.h"

static bool open_all(Daemon *daemon, bool dry_run, GError **error)
{
    return common_parts_open(daemon, dry_run, error) &&
           run_listen(daemon->run, &(RunSignals){0}, error);
}

/* Opens the parts, calls `work`, commits and closes. The error of the run, if there is one, counts
 * before that of `work`. */
static bool run(const char *bucket, const Config *config, bool dry_run, OfflineWork work,
                void *data, GError **error)
{
    const DaemonOptions options = {.bucket = bucket, .once = true, .quiet = true};
    Daemon daemon = {.options = &options, .offline = true};

    state_parts_init(&daemon.state, bucket, config);
    common_parts_init(&daemon);
    const OfflineParts parts = {.state = &daemon.state,
                                .run = daemon.run,
                                .sweeps = &daemon.sweeps,
                                .backfill = &daemon.backfill,
                                .away = daemon.away,
                                .window = daemon.window};
    bool done = open_all(&daemon, dry_run, error) && work(&parts, data, error);
    /* On failure the run's error has the reason. */
    bool saved =
        done && !run_error(daemon.run) && (dry_run || journal_commit(daemon.state.journal));
    g_autoptr(GError) failure = run_error(daemon.run) ? g_error_copy(run_error(daemon.run)) : NULL;
    common_parts_close(&daemon, saved);
    common_parts_clear(&daemon);
    if (!failure)
        return done;
    /* The first error is the cause of the others. */
    g_clear_error(error);
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

bool offline_run(const char *bucket, const Config *config, OfflineWork work, void *data,
                 GError **error)
{
    return run(bucket, config, false, work, data, error);
}

bool offline_run_copy(const char *bucket, const Config *config, OfflineWork work, void *data,
                      GError **error)
{
    return run(bucket, config, true, work, data, error);
}
