/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the modules that listen to facts (fact.h), and their order. It has a row for each
 * module whose state in memory a fact makes wrong, or that waits for a fact. */
#include "facts.h"

#include "base/log.h"
#include "journal/journal.h"
#include "parts.h"
#include "passes/backfill.h"
#include "passes/mend.h"
#include "passes/redate.h"
#include "queue/away.h"
#include "queue/dispatch.h"
#include "queue/folders.h"
#include "queue/objects.h"
#include "reader/reader.h"
#include "rules/alarms.h"
#include "rules/clock_guard.h"
#include "rules/destination.h"
#include "rules/lifecycle_notice.h"
#include "rules/schedules.h"
#include "rules/triggers.h"
#include "rules/window_switch.h"
#include "server/command_server.h"

typedef void (*FactListener)(Daemon *daemon);

static void sync_destinations(Daemon *daemon)
{
    if (daemon->destinations)
        destination_sync(daemon->destinations);
}

static void forget_destinations(Daemon *daemon)
{
    if (daemon->destinations)
        destination_forget(daemon->destinations);
}

static void stop_schedules(Daemon *daemon)
{
    schedules_stop(daemon->schedules);
}

static void doubt_schedules(Daemon *daemon)
{
    if (daemon->schedules)
        schedules_doubt(daemon->schedules);
}

/* Starts the schedules and alarms of a configuration that was read while the store took no
 * changes. */
static void resume_rules(Daemon *daemon)
{
    Journal *journal = daemon->state.journal;
    GError **error = journal_error(journal);

    if (daemon->options->once)
        (void)journal_check(journal, !daemon->triggers || triggers_load(daemon->triggers, error));
    else
        (void)journal_check(journal, schedules_start(daemon->schedules, error) &&
                                         alarms_start(daemon->alarms, daemon->dispatch, error) &&
                                         triggers_load(daemon->triggers, error));
}

static void lose_passes(Daemon *daemon)
{
    passes_lost(daemon->passes);
}

static void resume_passes(Daemon *daemon)
{
    passes_resumed(daemon->passes);
}

static void resume_mend(Daemon *daemon)
{
    mend_resumed(&daemon->sweeps);
}

static void resume_backfill(Daemon *daemon)
{
    backfill_start(&daemon->backfill);
}

static void stop_backfill(Daemon *daemon)
{
    backfill_stop(&daemon->backfill);
}

static void forget_scan(Daemon *daemon)
{
    objects_forget_scan(daemon->objects);
}

static void doubt_folders(Daemon *daemon)
{
    folders_begin_scan(daemon->folders);
}

static void start_redate(Daemon *daemon)
{
    redate_start(daemon->redate);
}

static void rescan_bucket(Daemon *daemon)
{
    bucket_rescan(daemon->state.bucket);
}

static void configure_bucket(Daemon *daemon)
{
    bucket_set_rescan(daemon->state.bucket, daemon->state.config->rescan_us);
    /* Finds objects that the new configuration ignores, or no longer ignores, and thumbnails of
     * another recipe. */
    bucket_rescan(daemon->state.bucket);
}

static void configure_store(Daemon *daemon)
{
    if (daemon->state.store)
        journal_configure(daemon->state.journal);
}

static void configure_dispatch(Daemon *daemon)
{
    dispatch_configure(daemon->dispatch);
}

static void apply_window(Daemon *daemon)
{
    window_switch_apply(daemon->window, daemon->state.config, daemon->state.store);
}

static void reset_guard(Daemon *daemon)
{
    if (daemon->clock_guard)
        clock_guard_reset(daemon->clock_guard);
}

static void save_trusted_time(Daemon *daemon)
{
    clock_guard_save(daemon->clock_guard);
}

static void check_jobs(Daemon *daemon)
{
    if (daemon->server)
        command_server_check_jobs(daemon->server);
}

static void configure_server(Daemon *daemon)
{
    command_server_configure(daemon->server);
}

static void save_triggers(Daemon *daemon)
{
    triggers_committing(daemon->triggers);
}

static void notify_triggers(Daemon *daemon)
{
    triggers_committed(daemon->triggers);
}

static void configure_triggers(Daemon *daemon)
{
    if (daemon->triggers)
        triggers_configure(daemon->triggers, daemon->state.config);
}

static void stop_triggers(Daemon *daemon)
{
    triggers_stop(daemon->triggers);
}

static void notify_reader(Daemon *daemon)
{
    reader_committed(daemon->query_reader);
}

static void renew_reader(Daemon *daemon)
{
    reader_renew(daemon->query_reader);
}

static void notice_lifecycle(Daemon *daemon)
{
    if (daemon->state.store)
        lifecycle_notice(daemon->state.config, daemon->state.store,
                         clock_guard_now_us(daemon->clock_guard));
}

static const struct {
    const char *module;
    FactListener on[FACTS];
} listeners[] = {
    {"journal", {[FACT_RECONFIGURED] = configure_store}},
    {"window", {[FACT_RECONFIGURED] = apply_window}},
    {"passes", {[FACT_LOST] = lose_passes, [FACT_RESUMED] = resume_passes}},
    {"mend", {[FACT_RESUMED] = resume_mend}},
    {"objects", {[FACT_LOST] = forget_scan}},
    {"destination", {[FACT_COMMITTING] = sync_destinations, [FACT_LOST] = forget_destinations}},
    {"folders", {[FACT_LOST] = doubt_folders}},
    {"redate", {[FACT_RESUMED] = start_redate}},
    {"bucket", {[FACT_RESUMED] = rescan_bucket, [FACT_RECONFIGURED] = configure_bucket}},
    {"dispatch", {[FACT_RECONFIGURED] = configure_dispatch}},
    {"schedules",
     {[FACT_LOST] = doubt_schedules,
      [FACT_RESUMED] = resume_rules,
      [FACT_STOPPING] = stop_schedules}},
    {"triggers",
     {[FACT_COMMITTING] = save_triggers,
      [FACT_COMMITTED] = notify_triggers,
      [FACT_RECONFIGURED] = configure_triggers,
      [FACT_STOPPING] = stop_triggers}},
    {"clock_guard", {[FACT_LOST] = reset_guard, [FACT_STOPPING] = save_trusted_time}},
    {"backfill", {[FACT_RESUMED] = resume_backfill, [FACT_STOPPING] = stop_backfill}},
    {"server", {[FACT_COMMITTED] = check_jobs, [FACT_RECONFIGURED] = configure_server}},
    {"reader",
     {[FACT_COMMITTED] = notify_reader,
      [FACT_RESUMED] = renew_reader,
      [FACT_RECONFIGURED] = renew_reader}},
    {"lifecycle_notice", {[FACT_RECONFIGURED] = notice_lifecycle}},
};

void facts_publish(Daemon *daemon, Fact fact)
{
    for (size_t i = 0; i < G_N_ELEMENTS(listeners); i++) {
        if (listeners[i].on[fact])
            listeners[i].on[fact](daemon);
    }
}

static void publish(Fact fact, void *daemon)
{
    facts_publish(daemon, fact);
}

/* Called by the journal when it has opened a new store: makes the sockets and mounts fit it. */
static bool renew(void *data, GError **error)
{
    Daemon *daemon = data;

    apply_window(daemon);
    if (daemon->dispatch)
        dispatch_renew_lender(daemon->dispatch);
    return away_update_mounts(daemon->away) &&
           (!daemon->server || command_server_renew(daemon->server, error));
}

/* Makes sockets again whose names were removed from the file system. */
static void check_socket(void *data)
{
    Daemon *daemon = data;
    g_autoptr(GError) error = NULL;

    if (daemon->server && !command_server_renew(daemon->server, &error))
        log_warning("%s", error->message);
    if (daemon->dispatch)
        dispatch_renew_lender(daemon->dispatch);
    if (daemon->query_reader && !reader_is_in_place(daemon->query_reader))
        reader_renew(daemon->query_reader);
}

static bool is_busy(void *data)
{
    const Daemon *daemon = data;

    return daemon->dispatch && dispatch_busy_here(daemon->dispatch) > 0;
}

JournalListener facts_journal_listener(Daemon *daemon)
{
    return (JournalListener){.publish = publish,
                             .renewed = renew,
                             .neighbours_changed = check_socket,
                             .is_busy = is_busy,
                             .data = daemon};
}
