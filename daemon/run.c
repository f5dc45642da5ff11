/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct DaemonRun {
    GMainLoop *loop;
    /* The error that ended the loop; NULL: none. */
    GError *error;
    bool is_stopping;
    bool is_out_of_time;
    RunSignals callbacks;
    int signal_fd;
    guint signal_source;
    /* Number of SIGINT and SIGTERM received. */
    guint signals;
};

DaemonRun *run_new(void)
{
    DaemonRun *run = g_new0(DaemonRun, 1);

    run->loop = g_main_loop_new(NULL, FALSE);
    run->signal_fd = -1;
    return run;
}

void run_free(DaemonRun *run)
{
    if (!run)
        return;
    g_clear_handle_id(&run->signal_source, g_source_remove);
    fd_clear(&run->signal_fd);
    g_main_loop_unref(run->loop);
    g_clear_error(&run->error);
    g_free(run);
}

/* True if the terminal window was closed: then SIGHUP ends the loop and does not reload. */
static bool terminal_is_gone(void)
{
    struct pollfd log = {.fd = STDERR_FILENO};

    return poll(&log, 1, 0) == 1 && log.revents & (POLLHUP | POLLERR);
}

/* Reloads the configuration after SIGHUP. Another signal lets the work under way end; the second
 * one stops at once. */
static gboolean on_signal(gint fd, GIOCondition condition, gpointer data)
{
    DaemonRun *run = data;
    const RunSignals *callbacks = &run->callbacks;
    struct signalfd_siginfo info;

    (void)condition;
    if (read(fd, &info, sizeof info) != sizeof info)
        return G_SOURCE_CONTINUE;
    if (info.ssi_signo == SIGHUP && !terminal_is_gone()) {
        callbacks->reload(callbacks->data);
        return G_SOURCE_CONTINUE;
    }
    run->is_stopping = true;
    if (++run->signals > 1) {
        log_info("stopping at once; what was under way is done again at the next start");
        run_end(run);
    } else if (callbacks->stopping) {
        callbacks->stopping(callbacks->data);
    }
    return G_SOURCE_CONTINUE;
}

/* Uses signal descriptors, not handlers: GLib's own signal sources would start a thread. */
bool run_listen(DaemonRun *run, const RunSignals *signals, GError **error)
{
    sigset_t wanted;

    run->callbacks = *signals;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    if (signals->reload)
        sigaddset(&wanted, SIGHUP);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    run->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->signal_fd < 0) {
        error_set_errno(error, errno, "cannot listen to", "SIGTERM");
        return false;
    }
    run->signal_source = g_unix_fd_add(run->signal_fd, G_IO_IN, on_signal, run);
    return true;
}

/* Ends the loop. The next run does the interrupted work again. */
static gboolean run_out_of_time(gpointer data)
{
    DaemonRun *run = data;

    run->is_out_of_time = true;
    run_end(run);
    return G_SOURCE_CONTINUE;
}

void run_loop(DaemonRun *run, int64_t timeout_us)
{
    guint timeout = 0;

    if (run->error)
        return;
    if (timeout_us > 0)
        timeout = g_timeout_add((guint)MIN(timeout_us / CLOCK_US_PER_MS + 1, G_MAXUINT),
                                run_out_of_time, run);
    g_main_loop_run(run->loop);
    g_clear_handle_id(&timeout, g_source_remove);
}

void run_end(DaemonRun *run)
{
    g_main_loop_quit(run->loop);
}

void run_fail(DaemonRun *run, GError *error)
{
    if (run->error)
        g_error_free(error);
    else
        run->error = error;
    run_end(run);
}

void run_stop(DaemonRun *run)
{
    run->is_stopping = true;
}

bool run_is_stopping(const DaemonRun *run)
{
    return run->is_stopping;
}

const GError *run_error(const DaemonRun *run)
{
    return run->error;
}

bool run_is_out_of_time(const DaemonRun *run)
{
    return run->is_out_of_time;
}

bool run_was_interrupted(const DaemonRun *run)
{
    return run->signals > 0;
}
