/* SPDX-License-Identifier: Apache-2.0 */
#include "reload.h"

#include "facts.h"
#include "journal/journal.h"
#include "parts.h"
#include "passes/redate.h"
#include "rules/alarms.h"

#include "base/log.h"
#include "base/service.h"
#include "handlers/formats.h"
#include "rules/command_needs.h"
#include "rules/schedules.h"
#include "rules/trigger_letter.h"
#include "rules/triggers.h"

/* A configuration that is not in force yet: the handler program is asked which formats it can
 * write. */
struct Reload {
    Daemon *daemon;
    Config *config;
    Schedules *schedules;
    /* NULL: no format was in doubt, or the check has ended. */
    FormatsCheck *check;
};

static void reload_free(Reload *reload)
{
    if (!reload)
        return;
    formats_check_cancel(reload->check);
    if (reload->schedules)
        schedules_free(reload->schedules);
    g_clear_pointer(&reload->config, config_free);
    g_free(reload);
}

/* Applies the configuration. No reference to the old one remains afterwards. Returns false if the
 * store has failed. */
static bool apply_config(Daemon *daemon, Config *config, Schedules *schedules, GError **error)
{
    bool started = true;

    /* The alarms' states are read back below. */
    if (journal_is_open(daemon->state.journal) && !journal_commit(daemon->state.journal))
        log_warning(
            "the store takes no changes at the moment; the configuration holds all the same");
    daemon->state.config = config;
    schedules_adopt(schedules, daemon->schedules);
    daemon->schedules = schedules;
    alarms_free(daemon->alarms);
    daemon->alarms = alarms_new(&daemon->state, config);
    facts_publish(daemon, FACT_RECONFIGURED);
    if (daemon->state.store)
        started = schedules_start(daemon->schedules, error) &&
                  alarms_start(daemon->alarms, daemon->dispatch, error) &&
                  triggers_load(daemon->triggers, error);
    return started;
}

/* Puts the checked configuration in force. */
static void apply(Reload *reload)
{
    Daemon *daemon = reload->daemon;
    Config *config = reload->config;
    g_autofree char *kept = config_restore_fixed(config, daemon->state.config);
    g_autofree char *changes = config_changes(config, daemon->state.config);
    if (kept)
        log_warning("%s cannot be changed while thumbq runs: restart it for that", kept);
    g_autofree char *more = config->files->len > 1
                                ? g_strdup_printf(" and %u in conf.d", config->files->len - 1)
                                : g_strdup("");
    log_info("configuration read anew from '%s'%s: %s",
             config->path ? config->path : "the built-in defaults", more,
             changes ? changes : "nothing has changed");
    g_autoptr(Config) old = g_steal_pointer(&daemon->loaded_config);
    daemon->loaded_config = g_steal_pointer(&reload->config);
    command_needs_warn(daemon->loaded_config);
    (void)journal_check(daemon->state.journal, apply_config(daemon, daemon->loaded_config,
                                                            g_steal_pointer(&reload->schedules),
                                                            journal_error(daemon->state.journal)));
}

/* Ends the reload. `error` NULL: the configuration is valid. */
static void end_reload(const GError *error, void *data)
{
    Reload *reload = data;
    Daemon *daemon = reload->daemon;

    reload->check = NULL;
    daemon->reload = NULL;
    if (error)
        log_error("the configuration is wrong, the old one stays in force: %s", error->message);
    else if (!run_is_stopping(daemon->run))
        apply(reload);
    reload_free(reload);
    service_ready(daemon->service);
}

/* Checks the configuration; nothing is changed yet. */
static bool begin_reload(Reload *reload, GError **error)
{
    Daemon *daemon = reload->daemon;
    const DaemonOptions *options = daemon->options;

    reload->config = options->load_config(daemon->state.lock.folder_fd, options->load_data, error);
    if (!reload->config)
        return false;
    if (!trigger_letter_check(options->bucket, reload->config, error))
        return false;
    reload->schedules = schedules_new(&daemon->schedule_parts, reload->config, error);
    return reload->schedules &&
           formats_check_start(options->handler_program, reload->config->renditions,
                               reload->config->n_renditions, end_reload, reload, &reload->check,
                               error);
}

void reload_config(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;

    if (!daemon->options->load_config || run_is_stopping(daemon->run))
        return;
    service_reloading(daemon->service);
    redate_check(daemon->redate);
    /* The file may have changed since. */
    reload_cancel(daemon);
    Reload *reload = g_new0(Reload, 1);
    reload->daemon = daemon;
    daemon->reload = reload;
    if (!begin_reload(reload, &error) || !reload->check)
        end_reload(error, reload);
}

void reload_cancel(Daemon *daemon)
{
    g_clear_pointer(&daemon->reload, reload_free);
}
