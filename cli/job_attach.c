/* SPDX-License-Identifier: Apache-2.0 */
#include "job_attach.h"

#include "attach.h"
#include "error.h"
#include "file.h"
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/signalfd.h>

/* ---- signals ------------------------------------------------------------------------------------
 */

static void list_stops(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGTERM);
}

/* Signals are read from here from now on. -1 on error. */
static int open_stops(GError **error)
{
    sigset_t set;
    list_stops(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* a valid set */
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        error_set_errno(error, errno, "cannot listen to", "SIGINT");
    return fd;
}

static void close_stops(int fd)
{
    struct signalfd_siginfo info;
    sigset_t set;
    while (read(fd, &info, sizeof info) > 0)
        ; /* it has had its effect */
    fd_clear(&fd);
    list_stops(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* a valid set */
}

/* ---- working ------------------------------------------------------------------------------------
 */

/* What became of the order; *ret_lost if the daemon ended before the job did. */
static bool take_result(bool ok, AttachDoer doer, GError *failure, JobAttach *ret_attach,
                        bool *ret_lost, GError **error)
{
    ErrorCode code = error_code(failure);
    bool stopped = code == ERROR_INTERRUPTED;
    *ret_lost = doer == ATTACH_DAEMON && code == ERROR_IO;
    if (!ok && !stopped && !*ret_lost) {
        g_propagate_error(error, failure);
        return false;
    }
    g_clear_error(&failure);
    if (doer == ATTACH_NOBODY)
        *ret_attach = JOB_ATTACH_DESERTED;
    else if (!stopped)
        *ret_attach = JOB_ATTACH_ENDED;
    else
        *ret_attach = doer == ATTACH_DAEMON ? JOB_ATTACH_LEFT : JOB_ATTACH_STOPPED;
    return true;
}

static bool attach(const Context *context, uint32_t id, int stop_fd, JobAttach *ret_attach,
                   GError **error)
{
    g_autoptr(Progress) progress = progress_new("reprocess");
    ProgressFunction show = progress ? progress_update : NULL;
    g_autofree char *request = g_strdup_printf("job wait %" PRIu32, id);
    AttachOrder order = {
        .request = request,
        .wait = {.stop_fd = stop_fd, .progress = show, .progress_data = progress},
        .own_work = {.once = true,
                     .must_finish = true,
                     .job = id,
                     .progress = show,
                     .progress_data = progress},
    };
    bool lost = true;
    while (lost) {
        GError *failure = NULL;
        AttachDoer doer;
        bool ok = attach_work(context, &order, &doer, &failure);
        if (!take_result(ok, doer, failure, ret_attach, &lost, error))
            return false;
        /* A daemon that is restarted comes back; one that was stopped is not to be replaced. */
        order.patience_us = ATTACH_PATIENCE_US;
        order.only_daemon = true;
    }
    return true;
}

bool job_attach(const Context *context, uint32_t id, JobAttach *ret_attach, GError **error)
{
    int stop_fd = open_stops(error);
    if (stop_fd < 0)
        return false;
    bool ok = attach(context, id, stop_fd, ret_attach, error);
    close_stops(stop_fd);
    return ok;
}
