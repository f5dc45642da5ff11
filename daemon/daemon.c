/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the parts of a daemon in order (parts.h), runs the loop, and ends the parts. Reports errors
 * of the start, and the reason of an early end. */
#include "daemon/daemon.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "common_parts.h"
#include "facts.h"
#include "handlers/formats.h"
#include "journal/journal.h"
#include "journal/state_parts.h"
#include "kinds/kind_thumbnail.h"
#include "parts.h"
#include "passes/backfill.h"
#include "passes/redate.h"
#include "queue/bucket_view.h"
#include "queue/dispatch.h"
#include "queue/folders.h"
#include "queue/intake.h"
#include "reader/reader.h"
#include "reload.h"
#include "report.h"
#include "rules/alarms.h"
#include "rules/clock_guard.h"
#include "rules/command_needs.h"
#include "rules/destination.h"
#include "rules/lifecycle_notice.h"
#include "rules/schedules.h"
#include "rules/trigger_letter.h"
#include "rules/triggers.h"
#include "server/command_server.h"
#include "settle.h"

static void reload(void *daemon)
{
    reload_config(daemon);
}

/* Called after the first signal: says that running invocations are waited for. */
static void on_stopping(void *data)
{
    const Daemon *daemon = data;
    int busy = dispatch_busy_here(daemon->dispatch);

    service_stopping(daemon->service, "stopping when the running handlers have finished");
    if (busy > 0)
        log_info("stopping when %d running handlers have finished; a second signal stops at once",
                 busy);
}

static bool open_signals(Daemon *daemon, GError **error)
{
    bool reloads = daemon->options->load_config && !daemon->options->once;
    const RunSignals signals = {
        .reload = reloads ? reload : NULL, .stopping = on_stopping, .data = daemon};

    return run_listen(daemon->run, &signals, error);
}

static char *describe(void *data)
{
    const Daemon *daemon = data;

    return report_status(&daemon->state, daemon->dispatch);
}

/* Connects to systemd. Call it first: no child may inherit the variables that it removes from the
 * environment. */
static void open_service(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;

    if (!service_open(describe, daemon, &daemon->service, &error))
        log_warning("cannot report to the service manager: %s", error->message);
}

/* Checks schedules and formats: a wrong configuration is refused before anything is changed. */
static bool open_rules(Daemon *daemon, GError **error)
{
    const Config *config = daemon->state.config;

    daemon->schedule_parts = (ScheduleParts){.state = &daemon->state,
                                             .run = daemon->run,
                                             .window = daemon->window,
                                             .sweeps = &daemon->sweeps};
    daemon->schedules = schedules_new(&daemon->schedule_parts, config, error);
    daemon->alarms = alarms_new(&daemon->state, config);
    return daemon->schedules && trigger_letter_check(daemon->options->bucket, config, error) &&
           formats_check(daemon->options->handler_program, config->renditions, config->n_renditions,
                         error);
}

static bool ignore_name(const char *name, const char *key, void *data)
{
    const Daemon *daemon = data;

    return config_ignores_entry(daemon->state.config, name, key);
}

static bool reserve_folder(int folder_fd, const char *key, void *data)
{
    const Daemon *daemon = data;

    return folders_reserve(daemon->folders, folder_fd, key);
}

static void on_bucket_event(const BucketEvent *event, void *data)
{
    const Daemon *daemon = data;

    intake_event(&daemon->intake, event);
}

/* Opens the bucket to watch it, with --once only to scan it. */
static bool open_bucket(Daemon *daemon, GError **error)
{
    g_auto(BucketView) view = {0};
    BucketOptions options;

    bucket_view_init(&view, daemon->state.bucket_path, daemon->state.config, &options);
    daemon->intake =
        (Intake){.walks = {.state = &daemon->state,
                           .passes = daemon->passes,
                           .objects = daemon->objects,
                           .folders = daemon->folders,
                           .away = daemon->away},
                 .sweeps = &daemon->sweeps,
                 .run = daemon->run,
                 .service = daemon->service,
                 /* A daemon that watches learns of changes by events. */
                 .checks_thumbnails = daemon->options->once && daemon->options->job == 0};
    options.ignore = ignore_name;
    options.reserve = reserve_folder;
    options.watch = !daemon->options->once;
    options.no_first_scan = daemon->options->job != 0;
    daemon->state.bucket = bucket_open(&options, on_bucket_event, daemon, error);
    return daemon->state.bucket != NULL;
}

/* Opens the query reader. After a failure the daemon does all its other work. */
static void open_reader(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;

    daemon->query_reader = reader_open(&daemon->state, daemon->run, &error);
    if (!daemon->query_reader)
        log_warning("the query socket is not served: %s", error->message);
}

static void change_zone(void *data)
{
    const Daemon *daemon = data;

    schedules_zone_changed(daemon->schedules);
}

static void on_concluded(const WorkItem *item, const Record *record, void *data)
{
    const Daemon *daemon = data;

    destination_write(daemon->destinations, item, record);
}

/* Makes the module that starts invocations, and the one that follows changes of the time zone. */
static void open_work(Daemon *daemon)
{
    const DaemonOptions *options = daemon->options;
    const DispatchOptions work = {.kind = &kind_thumbnail,
                                  .handler_program = options->handler_program,
                                  .outcomes = {.state = &daemon->state,
                                               .run = daemon->run,
                                               .away = daemon->away,
                                               .objects = daemon->objects,
                                               .news = {options->news, options->news_data},
                                               .concluded = on_concluded,
                                               .data = daemon,
                                               .once = options->once,
                                               .quiet = options->quiet}};

    daemon->dispatch = dispatch_new(&work);
    const RedateOptions zone = {.state = &daemon->state,
                                .passes = daemon->passes,
                                .folders = daemon->folders,
                                .zone_changed = change_zone,
                                .data = daemon};
    daemon->redate = redate_new(&zone);
}

static bool open_server(Daemon *daemon, GError **error)
{
    const CommandServerParts parts = {.state = &daemon->state,
                                      .sweeps = &daemon->sweeps,
                                      .backfill = &daemon->backfill,
                                      .window = daemon->window,
                                      .triggers = &daemon->triggers};

    daemon->server = command_server_open(&parts, error);
    return daemon->server != NULL;
}

static bool start_triggers(Daemon *daemon, GError **error)
{
    const TriggerParts parts = {.bucket = daemon->options->bucket,
                                .journal = daemon->state.journal,
                                .lock = &daemon->state.lock,
                                .clock_guard = daemon->clock_guard,
                                .store = &daemon->state.store,
                                .once = daemon->options->once};

    daemon->triggers = triggers_new(&parts);
    triggers_configure(daemon->triggers, daemon->state.config);
    return triggers_load(daemon->triggers, error);
}

static bool start_rules(Daemon *daemon, GError **error)
{
    const DaemonOptions *options = daemon->options;

    /* A run that ends has no schedules and alarms. A run for one job delivers nothing. */
    if (options->once)
        return options->job != 0 || daemon->state.config->n_triggers == 0 ||
               start_triggers(daemon, error);
    return schedules_start(daemon->schedules, error) &&
           alarms_start(daemon->alarms, daemon->dispatch, error) && start_triggers(daemon, error);
}

/* Opens what new work comes from: the bucket, and the sockets. */
static bool open_events(Daemon *daemon, GError **error)
{
    bool is_watching = !daemon->options->once;

    if (!open_bucket(daemon, error) || !open_server(daemon, error))
        return false;
    if (is_watching) {
        dispatch_lend(daemon->dispatch);
        open_reader(daemon);
        journal_watch(daemon->state.journal);
    }
    clock_guard_start(daemon->clock_guard);
    redate_start(daemon->redate);
    if (is_watching)
        redate_watch(daemon->redate);
    return backfill_open(&daemon->backfill, error) && start_rules(daemon, error);
}

static bool open_all(Daemon *daemon, GError **error)
{
    if (!open_rules(daemon, error) || !common_parts_open(daemon, false, error))
        return false;
    daemon->destinations = destination_batch_new(&daemon->state);
    destination_clean(&daemon->state);
    open_work(daemon);
    return open_signals(daemon, error) && open_events(daemon, error);
}

/* Runs the daemon. Returns true if all changes were committed. */
static bool run_all(Daemon *daemon)
{
    const DaemonOptions *options = daemon->options;
    int64_t start_us = clock_monotonic_us();
    Reporter *reporter = reporter_new(options, &daemon->backfill, daemon->dispatch);

    if (!options->once) {
        /* The changes of the start are committed before the log says that the daemon watches. */
        /* On failure the recovery has begun, or run_loop ends at once. */
        (void)journal_commit(daemon->state.journal);
        lifecycle_notice(daemon->state.config, daemon->state.store,
                         clock_guard_now_us(daemon->clock_guard));
        log_info("watching '%s'", options->bucket);
    }
    dispatch_wake(daemon->dispatch);
    GSource *settle = settle_new(daemon);
    run_loop(daemon->run, options->timeout_us);
    settle_free(settle);
    facts_publish(daemon, FACT_STOPPING);
    const GError *error = run_error(daemon->run);
    /* On failure the next run repeats the work. */
    bool saved = !error && journal_commit(daemon->state.journal);
    if (!error && !run_is_out_of_time(daemon->run) && (options->once || options->summary) &&
        options->job == 0)
        report_summary(options, daemon->state.store, daemon->dispatch,
                       clock_monotonic_us() - start_us);
    reporter_free(reporter);
    return saved;
}

/* Closes the parts. `saved`: nothing is left to commit. */
static void close_all(Daemon *daemon, bool saved)
{
    reload_cancel(daemon);
    common_parts_close(daemon, saved);
    dispatch_stop(daemon->dispatch);
    /* Before the passes, which are woken when a client is dropped. */
    command_server_free(daemon->server);
    g_clear_pointer(&daemon->passes, passes_free);
    g_clear_pointer(&daemon->destinations, destination_batch_free);
    schedules_free(daemon->schedules);
    alarms_free(daemon->alarms);
    triggers_free(daemon->triggers);
    redate_free(daemon->redate);
    reader_free(daemon->query_reader);
    dispatch_free(daemon->dispatch);
    bucket_free(daemon->state.bucket);
}

/* Returns the reason why the daemon ended, or could not start. Reports an early end as an error if
 * the caller asked for all of the work. NULL: none. Owner: the caller. */
static GError *end_reason(const Daemon *daemon)
{
    const DaemonOptions *options = daemon->options;
    const DaemonRun *run = daemon->run;

    if (run_error(run))
        return g_error_copy(run_error(run));
    if (run_is_out_of_time(run))
        return g_error_new(THUMBQ_ERROR, ERROR_TIMEOUT, "not finished within %.1f s",
                           (double)options->timeout_us / CLOCK_US_PER_SEC);
    if (options->must_finish && run_was_interrupted(run))
        return g_error_new(THUMBQ_ERROR, ERROR_INTERRUPTED, "interrupted before the end");
    return NULL;
}

bool daemon_run(const DaemonOptions *options, const Config *config, uint64_t *ret_dead,
                GError **error)
{
    Daemon daemon = {.options = options};
    bool saved = false;

    state_parts_init(&daemon.state, options->bucket, config);
    common_parts_init(&daemon);
    open_service(&daemon);
    bool opened = open_all(&daemon, error);
    if (opened) {
        if (!options->once)
            command_needs_warn(config);
        saved = run_all(&daemon);
        *ret_dead = report_dead(daemon.state.store);
    }
    close_all(&daemon, saved);
    g_autoptr(GError) end = end_reason(&daemon);
    common_parts_clear(&daemon);
    g_clear_pointer(&daemon.loaded_config, config_free);
    service_free(daemon.service);
    if (!end)
        return opened;
    g_clear_error(error);
    g_propagate_error(error, g_steal_pointer(&end));
    return false;
}

bool daemon_check_config(const char *bucket, const Config *config, const char *handler_program,
                         GError **error)
{
    if (bucket && !trigger_letter_check(bucket, config, error))
        return false;
    Schedules *schedules = schedules_new(NULL, config, error);
    if (!schedules)
        return false;
    schedules_free(schedules);
    return !handler_program ||
           formats_check(handler_program, config->renditions, config->n_renditions, error);
}
