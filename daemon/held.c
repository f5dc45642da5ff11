/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that outlive their names. The daemon holds the folder of the thumbnails, the state
 * folder, its lock and the store open. Somebody may remove, move or replace any of them: what is
 * written through the descriptor then lies where nobody looks for it, and another daemon can start
 * beside this one. So before each group of work, and once more between its sync and its commit,
 * what the names say is compared with what is held. Where they differ the group is given up, and
 * what is missing is made, or what has come is opened, before it is done again.
 *
 * What somebody else has put in the place of the state folder is no state: see trusted.h. The
 * daemon goes on with its own.
 */
#include "daemon_private.h"

#include "error.h"
#include "file.h"
#include "log.h"
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* Where the bucket's own configuration lies. */
#define CONFIG_NAME "thumbq.conf"
#define CONFIG_MAX  CONFIG_FILE_MAX

typedef enum {
    HELD_STATE = 1 << 0,
    HELD_LOCK = 1 << 1,
    HELD_STORE = 1 << 2,
    HELD_PREFIX = 1 << 3,
} HeldThings;

struct Held {
    Daemon *daemon;
    int inotify_fd;
    guint source;
    guint socket_source;  /* looks after the control socket, soon */
    bool told_of_foreign; /* state: said once */
};

/* ---- comparing ----------------------------------------------------------------------------------
 */

static bool names_it(const char *path, int fd)
{
    struct stat named, held;

    if (lstat(path, &named) != 0)
        return errno != ENOENT && errno != ENOTDIR; /* else nobody can tell */
    return fstat(fd, &held) == 0 && file_is_same(&named, &held);
}

/* Whether what has the name of the state folder may take its place: nothing, or a folder that can
 * be trusted. */
static bool may_replace_state(const Daemon *daemon)
{
    struct stat named;

    if (lstat(daemon->state_path, &named) != 0)
        return true;
    if (S_ISDIR(named.st_mode) && trusted_is_owner(named.st_uid) && !(named.st_mode & 022))
        return true;
    if (daemon->held && !daemon->held->told_of_foreign) {
        g_autofree char *owner = trusted_user_name(named.st_uid);
        log_warning("something of the user %s has the name of the state folder '%s', which was "
                    "moved: it is left alone, and the daemon goes on with its own",
                    owner, daemon->state_path);
        daemon->held->told_of_foreign = true;
    }
    return false;
}

/* What is not any more where its name says. */
static HeldThings look(const Daemon *daemon)
{
    int state_fd = daemon->lock.folder_fd;
    HeldThings things = 0;

    /* The bucket itself is gone, and all in it: that is for the watcher to tell. */
    if (daemon->bucket && !bucket_is_present(daemon->bucket))
        return 0;
    if (daemon->publisher && !publisher_is_in_place(daemon->publisher))
        things |= HELD_PREFIX;
    if (!names_it(daemon->state_path, state_fd) && may_replace_state(daemon))
        return things | HELD_STATE;
    if (!lock_is_in_place(&daemon->lock))
        things |= HELD_LOCK;
    if (daemon->store && !store_is_in_place(daemon->store, state_fd, "store"))
        things |= HELD_STORE;
    return things;
}

bool held_check(Daemon *daemon)
{
    if (daemon->paused)
        return false;

    HeldThings things = look(daemon);
    if (things == 0)
        return true;
    /* A moment for whoever removes the state folder, which is done file by file, or moves it and
     * puts something else there. */
    batch_displaced(daemon, things != HELD_PREFIX);
    return false;
}

/* ---- renewing -----------------------------------------------------------------------------------
 */

/*
 * False where the file system that the folder `fd` lies on has gone from under its path: to make
 * the folder on the one below would fill that, and the disk comes back.
 */
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
                "what is below",
                path);
    return false;
}

/* The configuration of a state folder that was moved holds on: it lies in the new one, too. */
static void take_config_along(int from_fd, int to_fd)
{
    size_t len;
    g_autofree char *text = trusted_read(from_fd, CONFIG_NAME, CONFIG_MAX, &len, NULL);
    autofd fd =
        text ? trusted_open_file(to_fd, CONFIG_NAME, O_WRONLY | O_CREAT | O_EXCL, NULL) : -1;

    if (fd < 0)
        return; /* there is none, or the new folder has one */
    if (write(fd, text, len) != (ssize_t)len)
        (void)unlinkat(to_fd, CONFIG_NAME, 0); /* what is in force is known all the same */
}

static bool renew_state(Daemon *daemon, GError **error)
{
    Lock lock;

    if (!check_file_system(daemon->state_path, daemon->lock.folder_fd, error))
        return false;
    g_clear_pointer(&daemon->store, store_close);
    if (!lock_take(daemon->state_path, &lock, error))
        return false;
    take_config_along(daemon->lock.folder_fd, lock.folder_fd);
    lock_drop(&daemon->lock);
    daemon->lock = lock;
    if (!mark_key_keep(lock.folder_fd, &daemon->mark, error))
        return false;
    publisher_set_mark(daemon->publisher, &daemon->mark);
    log_warning("the state folder '%s' was removed, moved or replaced: it is opened anew, and "
                "compared with the bucket",
                daemon->state_path);
    return recovery_open(daemon, error);
}

/* In the same folder. */
static bool renew_contents(Daemon *daemon, HeldThings things, GError **error)
{
    if (things & HELD_LOCK) {
        if (!lock_renew(&daemon->lock, daemon->state_path, error))
            return false;
        log_warning("the lock of '%s' was removed or replaced: it is taken anew",
                    daemon->state_path);
    }
    if (things & HELD_STORE) {
        daemon->store_is_unknown = true;
        log_warning("the store in '%s' was removed, moved or replaced: it is opened anew, and "
                    "compared with the bucket",
                    daemon->state_path);
    }
    return recovery_reopen(daemon, error);
}

static void end_sweep(const SweepCounts *counts, bool complete, void *data)
{
    (void)counts;
    if (!complete)
        ((Daemon *)data)->recovery_due = true;
}

static bool renew_prefix(Daemon *daemon, GError **error)
{
    const char *path = publisher_path(daemon->publisher);

    if (!check_file_system(path, publisher_folder_fd(daemon->publisher), error) ||
        !publisher_reopen(daemon->publisher, error))
        return false;
    log_warning("the folder of the thumbnails '%s' was removed, moved or replaced: what is missing "
                "there is made again",
                path);
    return true;
}

bool held_renew(Daemon *daemon, GError **error)
{
    const SweepOptions missing = {.kinds = SWEEP_MISSING};
    HeldThings things = look(daemon);
    bool renewed =
        things & HELD_STATE ? renew_state(daemon, error) : renew_contents(daemon, things, error);

    if (!renewed || !away_take_mounts(daemon) ||
        (things & HELD_PREFIX && !renew_prefix(daemon, error)) ||
        (daemon->control && !control_renew(daemon->control, error)))
        return false;
    held_watch(daemon);
    /* Not after the scan that follows: that takes its time where there are many files. */
    if (things & HELD_PREFIX)
        sweep_start(daemon, &missing, end_sweep, daemon);
    return true;
}

/* ---- being told ---------------------------------------------------------------------------------
 */

#define WATCH_MASK                                                                                 \
    (IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

#define PATIENCE_MS 1000

/* Of all that is removed or renamed in the watched folders, few names are of interest. */
static bool is_of_interest(const Daemon *daemon, const struct inotify_event *event)
{
    static const char *const names[] = {"lock", "store", "data.mdb", "lock.mdb", "control", NULL};

    if (event->len == 0)
        return true; /* of a folder itself */
    g_autofree char *state = g_path_get_basename(daemon->state_path);
    g_autofree char *prefix = g_path_get_basename(publisher_path(daemon->publisher));
    return g_strv_contains(names, event->name) || strcmp(event->name, state) == 0 ||
           strcmp(event->name, prefix) == 0;
}

static gboolean renew_socket(gpointer data)
{
    Held *held = data;
    GError *error = NULL;

    held->socket_source = 0;
    if (!held->daemon->paused && held_check(held->daemon) && held->daemon->control &&
        !control_renew(held->daemon->control, &error)) {
        log_warning("%s", error->message);
        g_error_free(error);
    }
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
        is_due |= is_of_interest(held->daemon, event);
        at += sizeof *event + event->len;
    }
    if (is_due && held_check(held->daemon) && held->socket_source == 0)
        held->socket_source = g_timeout_add(PATIENCE_MS, renew_socket, held);
    return G_SOURCE_CONTINUE;
}

static void unwatch(Held *held)
{
    g_clear_handle_id(&held->source, g_source_remove);
    fd_clear(&held->inotify_fd);
}

void held_watch(Daemon *daemon)
{
    Held *held = daemon->held;

    if (!held)
        return;
    unwatch(held);
    held->told_of_foreign = false;
    held->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (held->inotify_fd < 0)
        return; /* then the next group of work finds it out */

    g_autofree char *store = g_build_filename(daemon->state_path, "store", NULL);
    g_autofree char *above_state = g_path_get_dirname(daemon->state_path);
    g_autofree char *above_prefix = g_path_get_dirname(publisher_path(daemon->publisher));
    const struct {
        const char *path;
        uint32_t mask;
    } folders[] = {
        {above_state, WATCH_MASK},
        {above_prefix, WATCH_MASK}, /* where uploads are moved to, which is of no interest */
        {daemon->state_path, WATCH_MASK | IN_MOVED_TO},
        {store, WATCH_MASK | IN_MOVED_TO},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) /* else the next group finds it out */
        (void)inotify_add_watch(held->inotify_fd, folders[i].path, folders[i].mask);
    held->source = g_unix_fd_add(held->inotify_fd, G_IO_IN, on_events, held);
}

void held_open(Daemon *daemon)
{
    daemon->held = g_new0(Held, 1);
    daemon->held->daemon = daemon;
    daemon->held->inotify_fd = -1;
    held_watch(daemon);
}

void held_close(Daemon *daemon)
{
    if (daemon->held) {
        unwatch(daemon->held);
        g_clear_handle_id(&daemon->held->socket_source, g_source_remove);
    }
    g_clear_pointer(&daemon->held, g_free);
}
