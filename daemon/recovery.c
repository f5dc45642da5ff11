/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "error.h"
#include "failpoint.h"
#include "log.h"
#include "session.h"
#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a store that cannot be used ----------------------------------------------------------------
 */

/* Never returns: whatever the file does to this process is the answer. */
static void check_and_exit(int state_fd)
{
    const struct rlimit none = {0, 0};
    GError *error = NULL;
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)setrlimit(RLIMIT_CORE, &none); /* its death is an answer, nothing to look into */
    if (null_fd >= 0)
        (void)dup2(null_fd, STDERR_FILENO);
    bool is_sound = fchdir(state_fd) == 0 && store_check("store", &error);
    /* One that is not to be used at all is for store_open to refuse. */
    _exit(is_sound || error_code(error) == ERROR_NOT_TRUSTED ? 0 : 1);
}

/* LMDB trusts what it reads: noise can be the death of whoever does. */
static bool store_is_sound(int state_fd)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        check_and_exit(state_fd);
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return true; /* nobody can tell; store_open will */
    }
    return pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Renames the store out of the way; the next store_open makes a new one. */
static bool set_aside(Daemon *daemon, const char *why, GError **error)
{
    int state_fd = daemon->lock.folder_fd;
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(clock_wall_us() / CLOCK_US_PER_SEC);
    g_autofree char *time = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
    g_autofree char *name = g_strdup_printf("store.damaged-%s-%d", time, (int)getpid());
    g_autofree char *aside = g_build_filename(daemon->state_path, name, NULL);

    if (FAILPOINT("recovery.set-aside", renameat(state_fd, "store", state_fd, name)) != 0) {
        error_set_errno(error, errno, "cannot move the store out of the way in",
                        daemon->state_path);
        return false;
    }
    log_error("%s: the store was moved to '%s' and is rebuilt from the bucket; all thumbnails are "
              "made again. Nothing of the bucket itself is lost. The old store may be removed",
              why, aside);
    daemon->recovery_due = true;
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------
 */

/* Opens the store, or a new one in the place of one that is damaged. */
static bool open_or_replace(Daemon *daemon, GError **error)
{
    g_autoptr(GError) reason = NULL;
    int state_fd = daemon->lock.folder_fd;

    daemon->store = store_open_at(state_fd, "store", STORE_WRITE, &reason);
    if (!daemon->store && g_error_matches(reason, THUMBQ_ERROR, ERROR_STORE_CORRUPT)) {
        if (!set_aside(daemon, reason->message, error))
            return false;
        g_clear_error(&reason);
        daemon->store = store_open_at(state_fd, "store", STORE_WRITE, &reason);
    }
    if (!daemon->store)
        g_propagate_error(error, g_steal_pointer(&reason));
    return daemon->store != NULL;
}

void recovery_configure(Daemon *daemon)
{
    const Config *config = daemon->config;
    const StoreRetention retention = {.events_max = (uint64_t)config->events_max,
                                      .events_us = config->events_keep_us,
                                      .minutes_us = config->minutes_keep_us,
                                      .hours_us = config->hours_keep_us};

    store_set_renditions(daemon->store, config->renditions, config->n_renditions);
    store_set_retention(daemon->store, &retention);
}

static bool open_store(Daemon *daemon, GError **error)
{
    bool durable = daemon->config->durability != DURABILITY_NONE;
    uint64_t recovered;

    if (!open_or_replace(daemon, error) || !store_set_durable(daemon->store, durable, error))
        return false;
    recovery_configure(daemon);
    if (!store_recover(daemon->store, &recovered, error) || !store_commit(daemon->store, error))
        return false;
    if (recovered > 0)
        log_info("%" G_GUINT64_FORMAT " objects were under way when the last daemon ended",
                 recovered);
    return true;
}

/* As open_store; a damage that shows itself only now is treated like any other. */
static bool open_store_whatever(Daemon *daemon, GError **error)
{
    GError *reason = NULL;

    if (open_store(daemon, &reason))
        return true;
    bool is_damaged = g_error_matches(reason, THUMBQ_ERROR, ERROR_STORE_CORRUPT);
    if (!is_damaged || !daemon->store) {
        g_propagate_error(error, reason);
        return false;
    }
    g_clear_pointer(&daemon->store, store_close);
    bool moved = set_aside(daemon, reason->message, error);
    g_error_free(reason);
    return moved && open_store(daemon, error);
}

static bool store_is_there(const Daemon *daemon)
{
    return faccessat(daemon->lock.folder_fd, "store", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* While nobody waits for anything. */
static void compact(const Daemon *daemon)
{
    g_autoptr(GError) error = NULL;
    StoreCompaction done = {0};

    if (daemon->config->compact_bytes == 0 || !store_is_there(daemon))
        return;
    if (!store_compact(daemon->lock.folder_fd, "store", daemon->config->compact_bytes, &done,
                       &error)) {
        /* One that is damaged is replaced in a moment. */
        if (error_code(error) != ERROR_STORE_CORRUPT)
            log_warning("%s; the store is used as it is", error->message);
        return;
    }
    if (done.is_due) {
        g_autofree char *before = units_format_bytes(done.before_bytes);
        g_autofree char *after = units_format_bytes(done.after_bytes);
        log_info("the store was compacted: %s, %s before", after, before);
    }
}

bool recovery_open(Daemon *daemon, GError **error)
{
    int state_fd = daemon->lock.folder_fd;
    SessionLast last;

    if (!session_begin(state_fd, daemon->config->durability, &last, error))
        return false;
    daemon->session = true;
    /* The last daemon was of an older version: names that could collide are changed. */
    daemon->look_due = daemon->mark.is_new && last.end != SESSION_FIRST;
    daemon->recovery_due = last.end == SESSION_CRASHED || last.end == SESSION_CHANGED;
    if (daemon->recovery_due && store_is_there(daemon)) {
        const char *why = NULL;
        if (last.end == SESSION_CRASHED && last.durability == DURABILITY_NONE)
            why = "the last daemon did not end by itself, and had 'durability = none'";
        else if (!store_is_sound(state_fd))
            why = "the store is damaged";
        if (why && !set_aside(daemon, why, error))
            return false;
    }
    compact(daemon);
    return open_store_whatever(daemon, error);
}

bool recovery_reopen(Daemon *daemon, GError **error)
{
    g_clear_pointer(&daemon->store, store_close);
    daemon->recovery_due = true;
    if (daemon->store_is_damaged && !set_aside(daemon, "the store is damaged", error))
        return false;
    if (daemon->store_is_unknown && store_is_there(daemon) &&
        !store_is_sound(daemon->lock.folder_fd) &&
        !set_aside(daemon, "the store is damaged", error))
        return false;
    daemon->store_is_damaged = false;
    daemon->store_is_unknown = false;
    return open_store_whatever(daemon, error);
}

/* ---- what was left half done --------------------------------------------------------------------
 */

static void end_recovery(const SweepCounts *counts, bool complete, void *data)
{
    Daemon *daemon = data;

    if (!complete) {
        daemon->recovery_due = true;
        return;
    }
    if (counts->orphans + counts->missing > 0) {
        g_autofree char *text = sweep_describe(counts, false);
        log_info("put right what was left half done: %s", text);
    }
}

void recovery_after_scan(Daemon *daemon, uint64_t n_objects)
{
    SweepOptions sweep = {.kinds = SWEEP_ORPHANS | SWEEP_MISSING};

    bool half_done = daemon->recovery_due || publisher_has_orphans(daemon->publisher);
    /* Events would have told a daemon that watches; one that comes and goes looks. */
    bool looks =
        n_objects > 0 && (daemon->look_due || (daemon->options->once && daemon->options->job == 0));
    if (!half_done && !looks)
        return;
    sweep.is_look = !half_done && !daemon->look_due;
    /* A bucket that looks empty may be one that is not mounted: no reason to remove anything. */
    if (n_objects == 0 || !half_done)
        sweep.kinds = SWEEP_MISSING;
    daemon->recovery_due = daemon->look_due = false;
    publisher_forget_orphans(daemon->publisher);
    sweep_start(daemon, &sweep, end_recovery, daemon);
}

void recovery_close(Daemon *daemon, bool saved)
{
    g_autoptr(GError) error = NULL;
    bool is_clean = daemon->session && saved && !daemon->recovery_due && !daemon->paused &&
                    g_queue_is_empty(&daemon->sweeps) && !publisher_has_orphans(daemon->publisher);

    if (is_clean && daemon->config->durability != DURABILITY_FULL)
        is_clean = publisher_flush(daemon->publisher, &error) && store_flush(daemon->store, &error);
    g_clear_pointer(&daemon->store, store_close);
    if (is_clean)
        (void)session_end(daemon->lock.folder_fd, &error);
    /* Then the next daemon looks for damage, and finds none. */
    if (error)
        log_warning("%s", error->message);
}
