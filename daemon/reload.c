/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP: the configuration is read anew, and taken over as a whole or not at all.
 */
#include "daemon_private.h"

#include "command_needs.h"
#include "formats.h"
#include "log.h"
#include "service.h"

/* What of it can be wrong beside the file itself; nothing is changed yet. NULL on error. */
static Schedules *check(Daemon *daemon, const Config *config, GError **error)
{
    Schedules *schedules = schedules_new(daemon, config, error);

    /* Starts a process and waits for it, but only for formats that not every libvips writes. */
    if (schedules && !formats_check(daemon->options->handler_program, config->renditions,
                                    config->n_renditions, error))
        g_clear_pointer(&schedules, schedules_free);
    return schedules;
}

/* Nothing refers to the old one any more when it returns. False if the store has failed. */
static bool take_over(Daemon *daemon, Config *config, Schedules *schedules, GError **error)
{
    PoolOptions pool;
    bool started = true;

    if (!daemon->paused && !batch_commit(daemon)) /* what alarms remember is read back below */
        log_warning(
            "the store takes no changes at the moment; the configuration holds all the same");
    daemon->config = config;
    schedules_adopt(schedules, daemon->schedules);
    daemon->schedules = schedules;
    alarms_free(daemon->alarms);
    daemon->alarms = alarms_new(daemon, config);
    daemon_pool_options(daemon, &pool);
    pool_configure(daemon->pool, &pool);
    bucket_set_rescan(daemon->bucket, config->rescan_us);
    if (daemon->store) {
        recovery_configure(daemon);
        lifecycle_notice(daemon);
        started = schedules_start(daemon->schedules, error) && alarms_start(daemon->alarms, error);
    }
    /* Finds what is ignored now, or is no longer, and what is of another recipe. */
    bucket_rescan(daemon->bucket);
    dispatch_soon(daemon);
    return started;
}

static bool load(Daemon *daemon, GError **error)
{
    const DaemonOptions *options = daemon->options;
    g_autoptr(Config) config =
        options->load_config(daemon->lock.folder_fd, options->load_data, error);
    Schedules *schedules = config ? check(daemon, config, error) : NULL;

    if (!schedules)
        return false;
    g_autofree char *kept = config_keep_fixed(config, daemon->config);
    g_autofree char *changes = config_changes(config, daemon->config);
    if (kept)
        log_warning("%s cannot be changed while thumbq runs: restart it for that", kept);
    log_info("configuration read anew from '%s': %s",
             config->path ? config->path : "the built-in defaults",
             changes ? changes : "nothing has changed");
    g_autoptr(Config) old = g_steal_pointer(&daemon->loaded_config);
    daemon->loaded_config = g_steal_pointer(&config);
    command_needs_warn(daemon->loaded_config);
    GError *failure = NULL;
    if (!take_over(daemon, daemon->loaded_config, schedules, &failure))
        batch_lost(daemon, failure);
    return true;
}

void reload_config(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;

    if (!daemon->options->load_config || daemon->stopping)
        return;
    service_reloading(daemon->service);
    redate_look(daemon);
    if (!load(daemon, &error))
        log_error("the configuration is wrong, the old one stays in force: %s", error->message);
    service_ready(daemon->service);
}
