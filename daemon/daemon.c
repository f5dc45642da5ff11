/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "command_needs.h"
#include "error.h"
#include "file.h"
#include "formats.h"
#include "layout.h"
#include "log.h"
#include "place.h"
#include "user.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* Workers that wait for the next picture of their user and folder, beside those that are at work.
 * Each takes some 2 MB of its own. */
#define WORKERS_KEPT_IDLE 32

/* An idle worker costs memory, a new one milliseconds. */
#define WORKER_IDLE_US (10 * CLOCK_US_PER_SEC)

/* Jobs that may wait for a busy worker, where they are short: as many as its socket holds. */
#define WORKER_AHEAD 7

/* As often as its CPU time a job may take by the clock. */
#define WORKER_WALL_TIMES 10

/* A worker that is at a job for longer keeps no other one waiting. */
#define WORKER_PATIENCE_US (250 * CLOCK_US_PER_MS)

static char *resolve(const char *bucket, const char *path)
{
    return path[0] == '/' ? g_strdup(path) : g_build_filename(bucket, path, NULL);
}

char *daemon_state_path(const char *bucket, const Config *config)
{
    return resolve(bucket, config->state);
}

char *daemon_store_path(const char *bucket, const Config *config)
{
    g_autofree char *state = daemon_state_path(bucket, config);
    return g_build_filename(state, "store", NULL);
}

void daemon_fail(Daemon *daemon, GError *error)
{
    if (daemon->error)
        g_error_free(error);
    else
        daemon->error = error;
    g_main_loop_quit(daemon->loop);
}

bool daemon_is_settled(const Daemon *daemon)
{
    return !daemon->paused && !bucket_is_scanning(daemon->bucket) &&
           g_queue_is_empty((GQueue *)&daemon->walks) && sweep_is_idle(daemon) &&
           backfill_is_idle(daemon) && !daemon->dispatch_source && daemon->queue_is_empty &&
           pool_busy(daemon->pool) == 0;
}

void daemon_check_finished(Daemon *daemon)
{
    if (daemon->offline)
        return; /* whoever began the loop ends it */
    if (daemon->stopping && pool_busy(daemon->pool) == 0)
        g_main_loop_quit(daemon->loop);
    if (!daemon_is_settled(daemon))
        return;
    if (store_batch_size(daemon->store) > 0 && !batch_commit(daemon))
        return;
    if (daemon->options->once)
        g_main_loop_quit(daemon->loop);
    if (daemon->control)
        control_check_settled(daemon->control);
}

/* The window that it ran in was closed: nobody wants the configuration read anew. */
static bool terminal_is_gone(void)
{
    struct pollfd log = {.fd = STDERR_FILENO};

    return poll(&log, 1, 0) == 1 && log.revents & (POLLHUP | POLLERR);
}

static gboolean on_signal(gint fd, GIOCondition condition, gpointer data)
{
    Daemon *daemon = data;
    struct signalfd_siginfo info;

    (void)condition;
    if (read(fd, &info, sizeof info) != sizeof info)
        return G_SOURCE_CONTINUE;
    if (info.ssi_signo == SIGHUP && !terminal_is_gone()) {
        reload_config(daemon);
        return G_SOURCE_CONTINUE;
    }
    daemon->stopping = true;
    service_stopping(daemon->service);
    if (++daemon->signals > 1) {
        log_info("stopping at once; what was under way is done again at the next start");
        g_main_loop_quit(daemon->loop);
        return G_SOURCE_CONTINUE;
    }
    if (pool_busy(daemon->pool) > 0)
        log_info("stopping when %d running handlers have finished; again to stop at once",
                 pool_busy(daemon->pool));
    daemon_check_finished(daemon);
    return G_SOURCE_CONTINUE;
}

/* As descriptors, not handlers: GLib's own way would start a thread. */
static bool open_signals(Daemon *daemon, GError **error)
{
    sigset_t wanted;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    if (daemon->options->load_config && !daemon->options->once)
        sigaddset(&wanted, SIGHUP);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    daemon->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (daemon->signal_fd < 0) {
        error_set_errno(error, errno, "cannot listen to", "SIGTERM");
        return false;
    }
    daemon->signal_source = g_unix_fd_add(daemon->signal_fd, G_IO_IN, on_signal, daemon);
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------
 */

/* The bucket must be there, and may not be its own folder of thumbnails or state. */
static bool check_bucket(const char *bucket, const Config *config, GError **error)
{
    const char *const settings[] = {config->prefix, config->state};
    struct stat st;

    if (stat(bucket, &st) != 0 || !S_ISDIR(st.st_mode)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "there is no bucket '%s': not a folder; make it first", bucket);
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        g_autofree char *path = layout_below_bucket(bucket, settings[i]);
        if (strcmp(path, bucket) == 0) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "'prefix' and 'state' must be folders of their own, not the bucket '%s'",
                        bucket);
            return false;
        }
    }
    return true;
}

/* Each directory watched, output open and thumbnail not yet synced takes a descriptor or two. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = MIN(limit.rlim_max, 65536);
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* then fewer workers fit, with a clear error */
    }
}

void daemon_pool_options(const Daemon *daemon, PoolOptions *ret_options)
{
    const Config *config = daemon->config;

    *ret_options = (PoolOptions){
        .program = daemon->options->handler_program,
        .concurrency = dispatch_concurrency(daemon),
        .keep_idle =
            config->isolation == ISOLATION_OWNER && daemon->lowered == 0 ? WORKERS_KEPT_IDLE : 0,
        .max_invocations = config->max_invocations,
        .ahead = daemon->lowered > 0 ? 0 : WORKER_AHEAD,
        .patience_us = WORKER_PATIENCE_US,
        .timeout_us = config->timeout_us,
        .wall_us = WORKER_WALL_TIMES * config->timeout_us,
        .idle_us = WORKER_IDLE_US,
        .memory_bytes = config->memory_bytes,
        .max_output_size = config->max_output_size,
        .own_users = user_is_needed(),
    };
}

static void open_pool(Daemon *daemon)
{
    PoolOptions options;

    daemon_pool_options(daemon, &options);
    daemon->pool = pool_new(&options);
    pool_set_room_callback(daemon->pool, (void (*)(void *))dispatch_soon, daemon);
}

static bool ignore_name(const char *name, const char *key, void *data)
{
    const Daemon *daemon = data;

    return config_ignores_entry(daemon->config, name, key);
}

/* Whatever its name is now: a folder of ours that was renamed, or one of a bucket in the bucket. */
static bool reserve_folder(int folder_fd, const char *key, void *data)
{
    const Daemon *daemon = data;
    bool is_own =
        (daemon->publisher && place_is_same(folder_fd, publisher_folder_fd(daemon->publisher))) ||
        place_is_same(folder_fd, daemon->lock.folder_fd) ||
        place_is_anothers(folder_fd, &daemon->mark);

    /* Who may look into it may have changed. */
    for (size_t i = 0; !is_own && daemon->publisher && i < daemon->config->n_renditions; i++)
        publisher_adjust_folder(daemon->publisher, daemon->config->renditions[i].name, key);
    return is_own;
}

Bucket *daemon_open_bucket(Daemon *daemon, BucketCallback callback, GError **error)
{
    const Config *config = daemon->config;
    const char *bucket = daemon->options->bucket;
    g_autofree char *prefix = layout_below_bucket(bucket, config->prefix);
    g_autofree char *state = layout_below_bucket(bucket, config->state);
    const char *const reserved[] = {prefix, state, NULL};
    BucketOptions options = {
        .path = bucket,
        .reserved = reserved,
        .ignore = ignore_name,
        .reserve = reserve_folder,
        .watch = !daemon->options->once,
        .no_first_scan = daemon->options->job != 0,
        .rescan_us = config->rescan_us,
    };

    return bucket_open(&options, callback, daemon, error);
}

static bool open_publisher(Daemon *daemon, GError **error)
{
    const PublisherOptions options = {
        .bucket = daemon->options->bucket,
        .prefix = daemon->config->prefix,
        .mark = &daemon->mark,
        .durable = daemon->config->durability == DURABILITY_FULL,
        .mode = daemon->config->mode,
        .adopt = daemon->options->adopt,
    };

    daemon->publisher = publisher_open(&options, error);
    return daemon->publisher != NULL;
}

void daemon_explain_place(GError *failure)
{
    ErrorCode code = error_code(failure);

    if (code != ERROR_ACCESS_DENIED && code != ERROR_NO_SPACE)
        return;
    char *message = g_strconcat(failure->message, DAEMON_PLACE_HINT, NULL);
    g_free(failure->message);
    failure->message = message;
}

/* What is written to: the lock, the store, the thumbnails. */
static bool open_places(Daemon *daemon, GError **error)
{
    GError *failure = NULL;

    if (lock_take(daemon->state_path, &daemon->lock, &failure) &&
        mark_key_open(daemon->lock.folder_fd, true, &daemon->mark, &failure) &&
        recovery_open(daemon, &failure) && clock_guard_open(daemon, &failure) &&
        open_publisher(daemon, &failure))
        return true;
    daemon_explain_place(failure);
    g_propagate_error(error, failure);
    return false;
}

/* What every change of state needs. */
static bool open_state(Daemon *daemon, GError **error)
{
    const char *bucket = daemon->options->bucket;
    const Config *config = daemon->config;

    daemon->state_path = daemon_state_path(bucket, config);
    if (!check_bucket(bucket, config, error))
        return false;
    raise_descriptor_limit();
    if (daemon->dry_run ? !dry_run_open(daemon, error) : !open_places(daemon, error))
        return false;
    open_pool(daemon);
    return open_signals(daemon, error);
}

static char *describe(void *data)
{
    return report_status(data);
}

/* Before all else: no child may have what it takes out of the environment. */
static void open_service(Daemon *daemon)
{
    g_autoptr(GError) error = NULL;

    if (!service_open(describe, daemon, &daemon->service, &error))
        log_warning("the service manager is told nothing: %s", error->message);
}

static bool open_events(Daemon *daemon, GError **error)
{
    daemon->reporter = reporter_new(daemon);
    daemon->bucket = daemon_open_bucket(daemon, intake_event, error);
    if (!daemon->bucket)
        return false;
    daemon->control = control_open(daemon, error);
    if (!daemon->control)
        return false;
    if (!daemon->options->once)
        held_open(daemon);
    clock_guard_start(daemon);
    redate_start(daemon);
    if (!daemon->options->once)
        redate_watch(daemon);
    return backfill_open(daemon, error) &&
           (daemon->options->once ||
            (schedules_start(daemon->schedules, error) && alarms_start(daemon->alarms, error)));
}

/* `saved`: nothing is left to be committed. */
static void close_all(Daemon *daemon, bool saved)
{
    recovery_close(daemon, saved);
    dispatch_stop(daemon);
    held_close(daemon);
    walk_stop_all(daemon);
    sweep_stop_all(daemon);
    batch_stop(daemon);
    schedules_free(daemon->schedules);
    alarms_free(daemon->alarms);
    clock_guard_free(daemon);
    redate_stop(daemon);
    reporter_free(daemon->reporter);
    backfill_free(daemon->backfill);
    control_free(daemon->control);
    pool_free(daemon->pool);
    g_clear_pointer(&daemon->excuses, g_hash_table_unref);
    while (!g_queue_is_empty(&daemon->jobs)) /* nobody answers them any more */
        job_free(g_queue_peek_head(&daemon->jobs));
    bucket_free(daemon->bucket);
    publisher_free(daemon->publisher);
    g_clear_pointer(&daemon->seen, g_byte_array_unref);
    g_free(daemon->state_path);
    g_clear_handle_id(&daemon->signal_source, g_source_remove);
    fd_clear(&daemon->signal_fd);
    lock_drop(&daemon->lock);
    g_clear_pointer(&daemon->loaded_config, config_free);
}

/* What is under way is done again by the next one. */
static gboolean run_out_of_time(gpointer data)
{
    Daemon *daemon = data;

    daemon->is_out_of_time = true;
    g_main_loop_quit(daemon->loop);
    return G_SOURCE_CONTINUE;
}

/* True if all that was done has been committed. */
static bool run_loop(Daemon *daemon)
{
    const DaemonOptions *options = daemon->options;
    int64_t start_us = clock_monotonic_us();
    guint timeout = 0;

    if (!daemon->options->once) {
        lifecycle_notice(daemon);
        log_info("watching '%s'", daemon->options->bucket);
    }
    if (options->timeout_us > 0)
        timeout = g_timeout_add((guint)MIN(options->timeout_us / CLOCK_US_PER_MS + 1, G_MAXUINT),
                                run_out_of_time, daemon);
    dispatch_soon(daemon);
    g_main_loop_run(daemon->loop);
    g_clear_handle_id(&timeout, g_source_remove);
    schedules_stop(daemon->schedules);
    clock_guard_rest(daemon);
    backfill_rest(daemon);
    bool saved = !daemon->error && batch_commit(daemon); /* else it is done again */
    if (!daemon->error && !daemon->is_out_of_time && (options->once || options->summary) &&
        options->job == 0)
        report_summary(daemon, clock_monotonic_us() - start_us);
    return saved;
}

/* It ended well, but before its time: for who wanted all of it. */
static void set_end(Daemon *daemon)
{
    const DaemonOptions *options = daemon->options;

    if (daemon->error)
        return;
    if (daemon->is_out_of_time)
        daemon->error = g_error_new(THUMBQ_ERROR, ERROR_TIMEOUT, "not finished within %.1f s",
                                    (double)options->timeout_us / CLOCK_US_PER_SEC);
    else if (options->must_finish && daemon->signals > 0)
        daemon->error = g_error_new(THUMBQ_ERROR, ERROR_INTERRUPTED, "interrupted before the end");
}

bool daemon_check_config(const Config *config, const char *handler_program, GError **error)
{
    Daemon daemon = {.config = config};
    Schedules *schedules = schedules_new(&daemon, config, error);

    if (!schedules)
        return false;
    schedules_free(schedules);
    return !handler_program ||
           formats_check(handler_program, config->renditions, config->n_renditions, error);
}

bool daemon_run(const DaemonOptions *options, const Config *config, uint64_t *ret_dead,
                GError **error)
{
    Daemon daemon = {.options = options, .config = config, .lock = LOCK_NONE, .signal_fd = -1};
    bool opened, saved = false;

    daemon.loop = g_main_loop_new(NULL, FALSE);
    open_service(&daemon);
    /* A wrong schedule or format is a wrong configuration: refused before anything is touched. */
    daemon.schedules = schedules_new(&daemon, config, error);
    daemon.alarms = alarms_new(&daemon, config);
    opened =
        daemon.schedules &&
        formats_check(options->handler_program, config->renditions, config->n_renditions, error) &&
        open_state(&daemon, error) && open_events(&daemon, error);
    if (opened) {
        if (!options->once)
            command_needs_warn(config);
        saved = run_loop(&daemon);
        *ret_dead = report_dead(&daemon);
    }
    close_all(&daemon, saved);
    set_end(&daemon);
    service_free(daemon.service);
    g_main_loop_unref(daemon.loop);
    if (daemon.error)
        g_propagate_error(error, daemon.error);
    return opened && !daemon.error;
}

static bool run_offline(const char *bucket, const Config *config, bool dry_run, OfflineWork work,
                        void *data, GError **error)
{
    const DaemonOptions options = {.bucket = bucket, .once = true, .quiet = true};
    Daemon daemon = {.options = &options,
                     .config = config,
                     .lock = LOCK_NONE,
                     .signal_fd = -1,
                     .offline = true,
                     .dry_run = dry_run};

    daemon.loop = g_main_loop_new(NULL, FALSE);
    bool done = open_state(&daemon, error) && work(&daemon, data, error);
    /* Else daemon.error says so. */
    bool saved = done && !daemon.error && (dry_run || batch_commit(&daemon));
    close_all(&daemon, saved);
    g_main_loop_unref(daemon.loop);
    if (!daemon.error)
        return done;
    /* The first error is the reason of all. */
    g_clear_error(error);
    g_propagate_error(error, daemon.error);
    return false;
}

bool offline_run(const char *bucket, const Config *config, OfflineWork work, void *data,
                 GError **error)
{
    return run_offline(bucket, config, false, work, data, error);
}

bool offline_look(const char *bucket, const Config *config, OfflineWork work, void *data,
                  GError **error)
{
    return run_offline(bucket, config, true, work, data, error);
}
