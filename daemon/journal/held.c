/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors can outlive their names. The daemon holds the folder of the thumbnails, the state
 * folder, its lock and the store open. Another program may remove, move or replace any of them.
 * Then writes through the descriptor go to a place that no program reads, and another daemon can
 * start beside this one. So the names are compared with the descriptors before each group of work,
 * and once more between its sync and its commit. If they differ, the group is given up. Missing
 * things are made and new ones opened before the group is done again.
 *
 * A file of another user in the place of the state folder is not accepted as state: see trusted.h.
 * The daemon continues with its own.
 */
#include "journal/held.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* The name of the bucket's own configuration file. */
#define CONFIG_NAME "thumbq.conf"
#define CONFIG_MAX  CONFIG_FILE_MAX

struct Held {
    BucketState *state;
    Recovery *recovery;
    HeldCallbacks callbacks;
    bool is_watching;
    int inotify_fd;
    guint source;
    guint quiet_source;
    /* The warning about a foreign state folder was logged; it is logged once. */
    bool has_logged_foreign;
};

Held *held_new(BucketState *state, Recovery *recovery, const HeldCallbacks *callbacks)
{
    Held *held = g_new(Held, 1);

    *held = (Held){.state = state, .recovery = recovery, .callbacks = *callbacks, .inotify_fd = -1};
    return held;
}

void held_free(Held *held)
{
    held_unwatch(held);
    g_free(held);
}

static bool names_it(const char *path, int fd)
{
    struct stat named, held;

    if (lstat(path, &named) != 0)
        /* With any other error the comparison is impossible, and the name counts as good. */
        return errno != ENOENT && errno != ENOTDIR;
    return fstat(fd, &held) == 0 && file_is_same(&named, &held);
}

/* True if the state folder may be made or opened anew at its name: the name is free, or has a
 * folder that can be trusted. */
static bool may_replace_state(Held *held)
{
    const BucketState *state = held->state;
    struct stat named;

    if (lstat(state->path, &named) != 0)
        return true;
    if (S_ISDIR(named.st_mode) && trusted_is_owner(named.st_uid) && !(named.st_mode & 022))
        return true;
    if (held->is_watching && !held->has_logged_foreign) {
        g_autofree char *owner = trusted_user_name(named.st_uid);
        log_warning("a file of the user %s has the name of the state folder '%s', which was "
                    "moved: it is not used, and the daemon goes on with its own",
                    owner, state->path);
        held->has_logged_foreign = true;
    }
    return false;
}

HeldThings held_check(Held *held)
{
    const BucketState *state = held->state;
    int state_fd = state->lock.folder_fd;
    HeldThings things = 0;

    /* If the bucket itself is gone with all its content, the watcher reports that. */
    if (state->bucket && !bucket_is_present(state->bucket))
        return 0;
    if (state->publisher && !publisher_is_in_place(state->publisher))
        things |= HELD_PREFIX;
    if (!names_it(state->path, state_fd) && may_replace_state(held))
        return things | HELD_STATE;
    if (!lock_is_in_place(&state->lock))
        things |= HELD_LOCK;
    if (state->store && !store_is_in_place(state->store, state_fd, "store"))
        things |= HELD_STORE;
    return things;
}

/* Returns false if the file system of the folder `fd` is no longer mounted at its path. A new
 * folder would fill the file system below, and the disk may come back. */
static bool check_file_system(const char *path, int fd, GError **error)
{
    g_autofree char *at = g_strdup(path);
    struct statx held, now;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO, &held) != 0)
        return true;
    while (statx(AT_FDCWD, at, AT_SYMLINK_NOFOLLOW, STATX_INO, &now) != 0) {
        char *above = g_path_get_dirname(at);
        bool is_root = strcmp(at, "/") == 0;
        g_free(at);
        at = above;
        if (is_root)
            return true;
    }
    bool is_same =
        now.stx_dev_major == held.stx_dev_major && now.stx_dev_minor == held.stx_dev_minor;
    if (is_same || now.stx_attributes & STATX_ATTR_MOUNT_ROOT)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                "the file system of '%s' is not mounted any more; restart thumbq if it is to use "
                "the folder below it",
                path);
    return false;
}

/* Copies the configuration of the moved state folder to the new one, so that it stays in force. */
static void copy_config(int from_fd, int to_fd)
{
    size_t len;
    g_autofree char *text = trusted_read(from_fd, CONFIG_NAME, CONFIG_MAX, &len, NULL);
    autofd fd =
        text ? trusted_open_file(to_fd, CONFIG_NAME, O_WRONLY | O_CREAT | O_EXCL, NULL) : -1;

    if (fd < 0)
        /* There is no configuration, or the new folder has one. */
        return;
    if (write(fd, text, len) != (ssize_t)len)
        /* On failure the configuration in force stays in memory. */
        (void)unlinkat(to_fd, CONFIG_NAME, 0);
}

/* Opens the folder that has the name of the state folder. Another program may have put something
 * else there since the check, and may remove it again, so that this does not end the daemon. */
static bool open_state(BucketState *state, Lock *ret_lock, GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (lock_acquire(state->path, ret_lock, &reason))
        return true;
    ErrorCode code = error_code(reason) == ERROR_NOT_TRUSTED ? ERROR_IO : error_code(reason);
    g_set_error_literal(error, THUMBQ_ERROR, (gint)code, reason->message);
    return false;
}

/* Opens the state in a new folder, after the folder of the state was removed or replaced. */
static bool renew_state(const Held *held, GError **error)
{
    BucketState *state = held->state;
    Lock lock;

    if (!check_file_system(state->path, state->lock.folder_fd, error))
        return false;
    g_clear_pointer(&state->store, store_close);
    if (!open_state(state, &lock, error))
        return false;
    copy_config(state->lock.folder_fd, lock.folder_fd);
    lock_release(&state->lock);
    state->lock = lock;
    if (!mark_key_save(lock.folder_fd, &state->mark, error))
        return false;
    publisher_set_mark(state->publisher, &state->mark);
    log_warning("the state folder '%s' was removed, moved or replaced: it is opened anew, and "
                "compared with the bucket",
                state->path);
    return recovery_open(held->recovery, error);
}

/* Reopens the lock and the store in the same state folder. */
static bool renew_contents(const Held *held, HeldThings things, GError **error)
{
    BucketState *state = held->state;

    if (things & HELD_LOCK) {
        if (!lock_renew(&state->lock, state->path, error))
            return false;
        log_warning("the lock of '%s' was removed or replaced: it is taken anew", state->path);
    }
    if (things & HELD_STORE) {
        recovery_find_other(held->recovery);
        log_warning("the store in '%s' was removed, moved or replaced: it is opened anew, and "
                    "compared with the bucket",
                    state->path);
    }
    return recovery_reopen(held->recovery, error);
}

/* Opens the folder of the thumbnails anew, after it was removed, moved or replaced. */
static bool renew_prefix(BucketState *state, GError **error)
{
    const char *path = publisher_path(state->publisher);

    if (!check_file_system(path, publisher_folder_fd(state->publisher), error) ||
        !publisher_reopen(state->publisher, error))
        return false;
    log_warning("the folder of the thumbnails '%s' was removed, moved or replaced: what is missing "
                "there is made again",
                path);
    return true;
}

bool held_renew(Held *held, GError **error)
{
    HeldThings things = held_check(held);

    if (things & HELD_STATE ? !renew_state(held, error) : !renew_contents(held, things, error))
        return false;
    if (things & HELD_PREFIX) {
        if (!renew_prefix(held->state, error))
            return false;
        recovery_set_left(held->recovery,
                          recovery_left(held->recovery) | JOURNAL_LEFT_NO_THUMBNAILS);
    }
    if (held->is_watching)
        held_watch(held);
    return true;
}

#define WATCH_MASK                                                                                 \
    (IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

#define PATIENCE_MS 1000

/* True for a name that matters. Most names that are removed or renamed in the watched folders do
 * not. */
static bool is_of_interest(const BucketState *state, const struct inotify_event *event)
{
    static const char *const names[] = {"lock",    "store",      "data.mdb",  "lock.mdb",
                                        "control", "query.sock", "lend.sock", NULL};

    if (event->len == 0)
        /* The event is about a watched folder itself. */
        return true;
    g_autofree char *folder = g_path_get_basename(state->path);
    g_autofree char *prefix = g_path_get_basename(publisher_path(state->publisher));
    return g_strv_contains(names, event->name) || strcmp(event->name, folder) == 0 ||
           strcmp(event->name, prefix) == 0;
}

static gboolean report_quiet(gpointer data)
{
    Held *held = data;

    held->quiet_source = 0;
    held->callbacks.quiet(held->callbacks.data);
    return G_SOURCE_REMOVE;
}

static gboolean on_events(gint fd, GIOCondition condition, gpointer data)
{
    Held *held = data;
    alignas(struct inotify_event) char buffer[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    bool is_due = false;
    ssize_t len = read(fd, buffer, sizeof buffer);

    (void)condition;
    for (const char *at = buffer; at < buffer + MAX(len, 0);) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
        is_due |= is_of_interest(held->state, event);
        at += sizeof *event + event->len;
    }
    if (is_due && held->callbacks.moved(held->callbacks.data) && held->quiet_source == 0)
        held->quiet_source = g_timeout_add(PATIENCE_MS, report_quiet, held);
    return G_SOURCE_CONTINUE;
}

/* Ends the watch for changes of the folders. */
static void unwatch(Held *held)
{
    g_clear_handle_id(&held->source, g_source_remove);
    fd_clear(&held->inotify_fd);
}

void held_watch(Held *held)
{
    const BucketState *state = held->state;

    unwatch(held);
    held->is_watching = true;
    held->has_logged_foreign = false;
    held->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (held->inotify_fd < 0)
        /* The next group of work then detects the change. */
        return;

    g_autofree char *store = g_build_filename(state->path, "store", NULL);
    g_autofree char *above_state = g_path_get_dirname(state->path);
    g_autofree char *above_prefix = g_path_get_dirname(publisher_path(state->publisher));
    const struct {
        const char *path;
        uint32_t mask;
    } folders[] = {
        {above_state, WATCH_MASK},
        /* Without IN_MOVED_TO: uploads are moved to this folder, and do not matter here. */
        {above_prefix, WATCH_MASK},
        {state->path, WATCH_MASK | IN_MOVED_TO},
        {store, WATCH_MASK | IN_MOVED_TO},
    };
    /* Where a watch cannot be added, the next group of work detects the change. */
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
        (void)inotify_add_watch(held->inotify_fd, folders[i].path, folders[i].mask);
    held->source = g_unix_fd_add(held->inotify_fd, G_IO_IN, on_events, held);
}

void held_unwatch(Held *held)
{
    unwatch(held);
    g_clear_handle_id(&held->quiet_source, g_source_remove);
    held->is_watching = false;
}
