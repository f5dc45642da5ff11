/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_child.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "handler_path.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 30000

struct GatewayChild {
    pid_t pid;
    int pidfd;
    guint source;
};

char *gateway_child_program(const char *command, GError **error)
{
    g_autoptr(GError) reason = NULL;
    char *path = handler_path_of(GATEWAY_PROGRAM, NULL, &reason);

    if (path)
        return path;
    if (reason)
        g_propagate_error(error, g_steal_pointer(&reason));
    else
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "'thumbq %s' needs the package " GATEWAY_PROGRAM ", which is not installed",
                    command);
    return NULL;
}

/* Runs in the child before exec. */
static void end_with_parent(void *data)
{
    const pid_t *parent = data;

    /* Not SIGTERM, for the reason that gateway_child_stop states. */
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR1);
    /* The parent may have ended before the call. */
    if (getppid() != *parent)
        _exit(0);
}

/* Returns the environment without the variables of the service manager, which are for the daemon.
 * Owner: the caller frees. */
static char **make_environment(void)
{
    static const char *const taken[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};
    char **environment = g_get_environ();

    for (size_t i = 0; i < G_N_ELEMENTS(taken); i++)
        environment = g_environ_unsetenv(environment, taken[i]);
    return environment;
}

/* Reaps the child, which has ended, and returns its status. */
static void reap(GatewayChild *child, siginfo_t *ret_end)
{
    while (waitid(P_PID, (id_t)child->pid, ret_end, WEXITED) != 0 && errno == EINTR)
        ;
    child->pid = 0;
}

static gboolean on_end(gint fd, GIOCondition condition, gpointer data)
{
    GatewayChild *child = data;
    siginfo_t end = {0};

    (void)fd;
    (void)condition;
    reap(child, &end);
    log_warning("the gateway has ended (%s %d); thumbnails are still made",
                end.si_code == CLD_EXITED ? "status" : "signal", end.si_status);
    child->source = 0;
    return G_SOURCE_REMOVE;
}

GatewayChild *gateway_child_start(const char *address, const char *bucket, bool quiet,
                                  GError **error)
{
    g_autofree char *program = gateway_child_program("run --listen", error);
    g_auto(GStrv) environment = make_environment();
    const char *const words[] = {program, "gateway", "--listen",
                                 address, bucket,    quiet ? "--access-log" : NULL,
                                 "none",  NULL};
    g_autoptr(GError) reason = NULL;
    pid_t self = getpid(), pid;

    if (!program)
        return NULL;
    if (!g_spawn_async(NULL, (char **)words, environment,
                       G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN, end_with_parent,
                       &self, &pid, &reason)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot run '%s': %s", program, reason->message);
        return NULL;
    }
    GatewayChild *child = g_new0(GatewayChild, 1);
    child->pid = pid;
    /* The descriptor is close-on-exec by itself. */
    child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (child->pidfd < 0) {
        error_set_errno(error, errno, "cannot watch", program);
        gateway_child_stop(child);
        return NULL;
    }
    child->source = g_unix_fd_add(child->pidfd, G_IO_IN, on_end, child);
    return child;
}

void gateway_child_stop(GatewayChild *child)
{
    if (!child)
        return;
    g_clear_handle_id(&child->source, g_source_remove);
    if (child->pid) {
        struct pollfd end = {.fd = child->pidfd, .events = POLLIN};
        siginfo_t status;
        /* Not SIGTERM: Ctrl-C, or the service manager, has sent a signal to the gateway, too, and
         * the second one would cut its requests. */
        (void)kill(child->pid, SIGUSR1);
        if (child->pidfd < 0 || TEMP_FAILURE_RETRY(poll(&end, 1, STOP_MS)) != 1)
            (void)kill(child->pid, SIGKILL);
        reap(child, &status);
    }
    fd_clear(&child->pidfd);
    g_free(child);
}
