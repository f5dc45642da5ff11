/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/recovery.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/units.h"
#include "journal/handover.h"
#include "journal/session.h"
#include "store/epoch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct Recovery {
    BucketState *state;
    /* The session has begun. */
    bool has_session;
    JournalLeft left;
    /* A call found the damage: the store is replaced before work resumes. */
    bool store_is_damaged;
    /* Another file has its name: the store is checked before work resumes. */
    bool store_is_unknown;
};

Recovery *recovery_new(BucketState *state)
{
    Recovery *recovery = g_new0(Recovery, 1);

    recovery->state = state;
    return recovery;
}

void recovery_free(Recovery *recovery)
{
    g_free(recovery);
}

/* Checks the store in the child process, and exits. A crash of this process counts as damage,
 * too. */
static void check_and_exit(int state_fd)
{
    const struct rlimit none = {0, 0};
    GError *error = NULL;
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    /* A crash here is a result: no core file is needed. */
    (void)setrlimit(RLIMIT_CORE, &none);
    if (null_fd >= 0)
        (void)dup2(null_fd, STDERR_FILENO);
    bool is_sound = fchdir(state_fd) == 0 && store_check("store", &error);
    /* store_open refuses a store that is not trusted. */
    _exit(is_sound || error_code(error) == ERROR_NOT_TRUSTED ? 0 : 1);
}

/* Checks the store in a child process: LMDB trusts the bytes that it reads, and a damaged file can
 * crash the reader. */
static bool store_is_sound(int state_fd)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        check_and_exit(state_fd);
    while (pid > 0 && waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            /* The state is unknown; store_open will find out. */
            return true;
    }
    return pid < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Renames the store; the next store_open makes a new one. */
static bool set_aside(Recovery *recovery, const char *why, GError **error)
{
    const BucketState *state = recovery->state;
    int state_fd = state->lock.folder_fd;
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(clock_wall_us() / CLOCK_US_PER_SEC);
    g_autofree char *time = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
    g_autofree char *name = g_strdup_printf("store.damaged-%s-%d", time, (int)getpid());
    g_autofree char *aside = g_build_filename(state->path, name, NULL);

    if (!handover_begin(state_fd, name, error))
        return false;
    if (FAILPOINT("recovery.set-aside", renameat(state_fd, "store", state_fd, name)) != 0) {
        error_set_errno(error, errno, "cannot move the store out of the way in", state->path);
        return false;
    }
    log_error("%s: the store was moved to '%s' and is rebuilt from the bucket; all thumbnails are "
              "made again. Nothing of the bucket itself is lost. The old store may be removed",
              why, aside);
    recovery->left |= JOURNAL_LEFT_HALF_DONE;
    return true;
}

/* Opens the store, or a new one in the place of a damaged one. */
static bool open_or_replace(Recovery *recovery, GError **error)
{
    BucketState *state = recovery->state;
    g_autoptr(GError) reason = NULL;
    int state_fd = state->lock.folder_fd;

    state->store = store_open_at(state_fd, "store", STORE_WRITE, &reason);
    if (!state->store && g_error_matches(reason, THUMBQ_ERROR, ERROR_STORE_CORRUPT)) {
        if (!set_aside(recovery, reason->message, error))
            return false;
        g_clear_error(&reason);
        state->store = store_open_at(state_fd, "store", STORE_WRITE, &reason);
    }
    if (!state->store)
        g_propagate_error(error, g_steal_pointer(&reason));
    return state->store != NULL;
}

void recovery_configure(const BucketState *state)
{
    const Config *config = state->config;
    const StoreRetention retention = {.events_max = (uint64_t)config->events_max,
                                      .events_us = config->events_keep_us,
                                      .minutes_us = config->minutes_keep_us,
                                      .hours_us = config->hours_keep_us};

    store_set_renditions(state->store, config->renditions, config->n_renditions);
    store_set_retention(state->store, &retention);
}

static bool open_store(Recovery *recovery, GError **error)
{
    BucketState *state = recovery->state;
    bool durable = state->config->durability != DURABILITY_NONE;
    uint64_t recovered;

    if (!open_or_replace(recovery, error) || !store_set_durable(state->store, durable, error))
        return false;
    recovery_configure(state);
    if (!store_make_epoch(state->store, error) || !store_recover(state->store, &recovered, error) ||
        !store_commit(state->store, error) || !handover_take(state, error))
        return false;
    if (recovered > 0)
        log_info("%" G_GUINT64_FORMAT " objects were under way when the last daemon ended",
                 recovered);
    return true;
}

/* As open_store, but also replaces a store whose damage shows only now. */
static bool open_or_replace_store(Recovery *recovery, GError **error)
{
    BucketState *state = recovery->state;
    GError *reason = NULL;

    if (open_store(recovery, &reason))
        return true;
    bool is_damaged = g_error_matches(reason, THUMBQ_ERROR, ERROR_STORE_CORRUPT);
    if (!is_damaged || !state->store) {
        g_propagate_error(error, reason);
        return false;
    }
    g_clear_pointer(&state->store, store_close);
    bool moved = set_aside(recovery, reason->message, error);
    g_error_free(reason);
    return moved && open_store(recovery, error);
}

static bool store_is_there(const BucketState *state)
{
    return faccessat(state->lock.folder_fd, "store", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Compacts the store. No client waits for the daemon at this time. */
static void compact(const BucketState *state)
{
    g_autoptr(GError) error = NULL;
    StoreCompaction done = {0};

    if (state->config->compact_bytes == 0 || !store_is_there(state))
        return;
    if (!store_compact(state->lock.folder_fd, "store", state->config->compact_bytes, &done,
                       &error)) {
        /* A damaged store is replaced right after this. */
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

bool recovery_open(Recovery *recovery, GError **error)
{
    BucketState *state = recovery->state;
    int state_fd = state->lock.folder_fd;
    SessionLast last;

    if (!session_begin(state_fd, state->config->durability, &last, error))
        return false;
    recovery->has_session = true;
    /* The last daemon was of an older version: names that could collide are changed. */
    bool is_older = state->mark.is_new && last.end != SESSION_FIRST;
    bool has_crashed = last.end == SESSION_CRASHED || last.end == SESSION_CHANGED;
    recovery->left = (recovery->left & JOURNAL_LEFT_NO_THUMBNAILS) |
                     (is_older ? JOURNAL_LEFT_OLD_NAMES : 0) |
                     (has_crashed ? JOURNAL_LEFT_HALF_DONE : 0);
    if (has_crashed && store_is_there(state)) {
        const char *why = NULL;
        if (last.end == SESSION_CRASHED && last.durability == DURABILITY_NONE)
            why = "the last daemon did not end by itself, and had 'durability = none'";
        else if (!store_is_sound(state_fd))
            why = "the store is damaged";
        if (why && !set_aside(recovery, why, error))
            return false;
    }
    compact(state);
    return open_or_replace_store(recovery, error);
}

bool recovery_reopen(Recovery *recovery, GError **error)
{
    BucketState *state = recovery->state;

    g_clear_pointer(&state->store, store_close);
    recovery->left |= JOURNAL_LEFT_HALF_DONE;
    if (recovery->store_is_damaged && !set_aside(recovery, "the store is damaged", error))
        return false;
    if (recovery->store_is_unknown && store_is_there(state) &&
        !store_is_sound(state->lock.folder_fd) &&
        !set_aside(recovery, "the store is damaged", error))
        return false;
    recovery->store_is_damaged = false;
    recovery->store_is_unknown = false;
    return open_or_replace_store(recovery, error);
}

void recovery_find_damage(Recovery *recovery)
{
    recovery->store_is_damaged = true;
}

void recovery_find_other(Recovery *recovery)
{
    recovery->store_is_unknown = true;
}

JournalLeft recovery_left(const Recovery *recovery)
{
    return recovery->left;
}

void recovery_set_left(Recovery *recovery, JournalLeft left)
{
    recovery->left = left;
}

void recovery_close(Recovery *recovery, bool is_whole)
{
    BucketState *state = recovery->state;
    g_autoptr(GError) error = NULL;
    bool is_clean = recovery->has_session && is_whole &&
                    !(recovery->left & JOURNAL_LEFT_HALF_DONE) &&
                    !publisher_has_orphans(state->publisher);

    if (is_clean && state->config->durability != DURABILITY_FULL)
        is_clean = publisher_flush(state->publisher, &error) && store_flush(state->store, &error);
    g_clear_pointer(&state->store, store_close);
    if (is_clean)
        (void)session_end(state->lock.folder_fd, &error);
    /* After an error the next daemon checks for damage, and finds none. */
    if (error)
        log_warning("%s", error->message);
}
