/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/lender.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "control/control_access.h"
#include "control/socket.h"
#include "handlers/lend.h"
#include "queue/spell.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/socket.h>

/* Time until connections are accepted again after descriptors ran out. */
#define ACCEPT_AGAIN_MS 1000

struct Lender {
    const BucketState *state;
    /* NULL: nothing is lent. */
    Executor *executor;
    void (*room)(void *data);
    void *room_data;
    /* The folder of the socket; -1: there is no socket. */
    int folder_fd;
    /* The folder is the service's runtime folder; otherwise it is the state folder. */
    bool is_public;
    /* Device and inode of the socket's name. */
    struct stat file;
    int socket_fd;
    /* Accepts connections; 0: paused. */
    guint source;
    /* Runs when the lender accepts again. */
    guint again_source;
    ControlAccess *access;
    Spell refusals;
};

Executor *lender_executor(const Lender *lender)
{
    return lender ? lender->executor : NULL;
}

/* Accepts a borrower. If there is no descriptor for it, tries again later. */
static gboolean on_connection(gint fd, GIOCondition condition, gpointer data);

static void begin_to_accept(Lender *lender)
{
    if (lender->source == 0)
        lender->source = g_unix_fd_add(lender->socket_fd, G_IO_IN, on_connection, lender);
}

static gboolean accept_again(gpointer data)
{
    Lender *lender = data;

    lender->again_source = 0;
    begin_to_accept(lender);
    return G_SOURCE_REMOVE;
}

/* Logs that a program may not borrow work. This is logged only once for a number of attempts,
 * because any user may try any number of times. */
static void refuse(Lender *lender, const GError *error)
{
    int64_t now_us = clock_monotonic_us();

    spell_lapse(&lender->refusals, now_us);
    if (spell_note(&lender->refusals, now_us))
        log_warning("no work is lent to a program that asked for it: %s", error->message);
}

static gboolean on_connection(gint listening_fd, GIOCondition condition, gpointer data)
{
    Lender *lender = data;
    g_autoptr(GError) error = NULL;
    autofd fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)condition;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
        lender->source = 0;
        lender->again_source = g_timeout_add(ACCEPT_AGAIN_MS, accept_again, lender);
        return G_SOURCE_REMOVE;
    }
    if (fd < 0)
        return G_SOURCE_CONTINUE;
    if (control_access_check(lender->access, fd, &error))
        lend_accept(lender->executor, fd_steal(&fd));
    else
        refuse(lender, error);
    return G_SOURCE_CONTINUE;
}

static void log_lie(const char *reason, void *unused_data)
{
    (void)unused_data;
    log_warning("a borrower is not believed, and no borrower is let in for a while: %s", reason);
}

static void close_socket(Lender *lender)
{
    g_clear_handle_id(&lender->source, g_source_remove);
    g_clear_handle_id(&lender->again_source, g_source_remove);
    if (lender->folder_fd >= 0)
        /* A name that stays is replaced by the next socket. */
        (void)unlinkat(lender->folder_fd, LENDER_SOCKET_NAME, 0);
    fd_clear(&lender->socket_fd);
    fd_clear(&lender->folder_fd);
}

/*
 * Returns all zero if there is no socket where borrowers look for it. The state folder may have
 * been moved and made anew.
 */
static struct stat stat_socket(const Lender *lender)
{
    struct stat st;
    int folder_fd = lender->is_public ? lender->folder_fd : lender->state->lock.folder_fd;

    return fstatat(folder_fd, LENDER_SOCKET_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st
                                                                                 : (struct stat){0};
}

/* Opens the socket in the service's runtime folder, which its group can reach, or else in the state
 * folder. */
static bool open_socket(Lender *lender, GError **error)
{
    const BucketState *state = lender->state;
    g_autofree char *path = control_runtime_folder(state->path);
    g_autoptr(GError) reason = NULL;
    uid_t owner = 0;
    autofd folder_fd = control_open_runtime(state->path, &owner, &reason);
    bool is_public = folder_fd >= 0 && owner == geteuid();

    if (reason)
        log_warning("%s", reason->message);
    if (!is_public) {
        fd_clear(&folder_fd);
        folder_fd = fcntl(state->lock.folder_fd, F_DUPFD_CLOEXEC, 0);
    }
    if (folder_fd < 0) {
        error_set_errno(error, errno, "cannot open", state->path);
        return false;
    }
    int fd = control_listen(folder_fd, LENDER_SOCKET_NAME, is_public ? 0660 : 0600,
                            is_public ? path : state->path, error);
    if (fd < 0)
        return false;
    if (!is_public && control_access_has_groups(lender->access))
        log_warning("[access] borrowers: nobody else reaches the socket, because it lies in '%s', "
                    "which is closed to others; run thumbq as a service ('thumbq setup')",
                    state->path);
    lender->socket_fd = fd;
    lender->folder_fd = fd_steal(&folder_fd);
    lender->is_public = is_public;
    lender->file = stat_socket(lender);
    begin_to_accept(lender);
    return true;
}

static void open_or_warn(Lender *lender)
{
    g_autoptr(GError) error = NULL;

    if (!open_socket(lender, &error))
        log_warning("nothing is lent: %s", error->message);
}

void lender_renew(Lender *lender)
{
    if (!lender || !lender->executor)
        return;
    struct stat now = lender->folder_fd >= 0 ? stat_socket(lender) : (struct stat){0};
    if (lender->folder_fd >= 0 && file_is_same(&now, &lender->file))
        return;
    close_socket(lender);
    open_or_warn(lender);
}

static void read_access(Lender *lender)
{
    g_autofree char *unknown = NULL;

    control_access_free(lender->access);
    lender->access = control_access_new(lender->state->config->access_borrowers, &unknown);
    if (unknown)
        log_warning("[access] borrowers: this machine has no group '%s'", unknown);
}

static void close_all(Lender *lender)
{
    Executor *executor = lender->executor;

    close_socket(lender);
    if (!executor)
        return;
    lend_stop(executor);
    lender->executor = NULL;
    executor_free(executor);
}

/* True if the program at the other end of the connection may borrow. */
static bool may_borrow(int socket_fd, void *data)
{
    const Lender *lender = data;

    return control_access_check(lender->access, socket_fd, NULL);
}

/* True if the configuration lends work at all. `auto` does only if it names a group of borrowers.
 */
static bool is_wanted(const Config *config)
{
    return config->lend == LENDING_ALWAYS ||
           (config->lend == LENDING_AUTO && *config->access_borrowers);
}

void lender_configure(Lender *lender, const ExecutorOptions *options)
{
    if (!lender)
        return;
    if (!is_wanted(lender->state->config)) {
        close_all(lender);
        return;
    }
    read_access(lender);
    if (lender->executor) {
        lend_dismiss(lender->executor, may_borrow, lender);
        executor_configure(lender->executor, options);
        return;
    }
    lender->executor = lend_new(options);
    executor_set_room_callback(lender->executor, lender->room, lender->room_data);
    lend_set_lie_callback(lender->executor, log_lie, NULL);
    open_or_warn(lender);
}

Lender *lender_new(const BucketState *state, const ExecutorOptions *options,
                   void (*room)(void *data), void *data)
{
    Lender *lender = g_new0(Lender, 1);

    lender->state = state;
    lender->room = room;
    lender->room_data = data;
    lender->folder_fd = lender->socket_fd = -1;
    lender_configure(lender, options);
    return lender;
}

void lender_stop(Lender *lender)
{
    if (lender && lender->executor)
        lend_stop(lender->executor);
}

void lender_free(Lender *lender)
{
    if (!lender)
        return;
    close_socket(lender);
    executor_free(lender->executor);
    control_access_free(lender->access);
    g_free(lender);
}
