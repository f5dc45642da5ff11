/* SPDX-License-Identifier: Apache-2.0 */
#include "job_attach.h"

#include "attach.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "views/progress.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

static void list_stops(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGTERM);
}

/* Blocks SIGINT and SIGTERM, and returns a descriptor to read them from. Returns -1 on error. */
static int open_stops(GError **error)
{
    sigset_t set;
    list_stops(&set);
    /* The set is valid. */
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        error_set_errno(error, errno, "cannot listen to", "SIGINT");
    return fd;
}

/* Lets the signals end the process again that were blocked while the command waited. */
static void close_stops(int fd)
{
    struct signalfd_siginfo info;
    sigset_t set;
    /* The signal has had its effect. */
    while (read(fd, &info, sizeof info) > 0)
        ;
    fd_clear(&fd);
    list_stops(&set);
    /* The set is valid. */
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Translates the outcome of the request. *ret_lost is true if the daemon ended before the job. */
static bool interpret_result(bool ok, ControlDoer doer, GError *failure, JobAttach *ret_attach,
                             bool *ret_lost, GError **error)
{
    ErrorCode code = error_code(failure);
    bool stopped = code == ERROR_INTERRUPTED;
    *ret_lost = doer == CONTROL_BY_DAEMON && code == ERROR_IO;
    if (!ok && !stopped && !*ret_lost) {
        g_propagate_error(error, failure);
        return false;
    }
    g_clear_error(&failure);
    if (doer == CONTROL_BY_NONE)
        *ret_attach = JOB_ATTACH_ABANDONED;
    else if (!stopped)
        *ret_attach = JOB_ATTACH_ENDED;
    else
        *ret_attach = doer == CONTROL_BY_DAEMON ? JOB_ATTACH_LEFT : JOB_ATTACH_STOPPED;
    return true;
}

/* Prints a message of the daemon: why the job pauses, or that it continues. */
static void print_item(const char *text, void *unused_data)
{
    (void)unused_data;
    log_info("%s", text);
}

/* Waits for the job, and shows its progress. Asks again if the daemon ends before the job, as a
 * daemon that restarts goes on with it. */
static bool attach(const Context *context, uint32_t id, int stop_fd, JobAttach *ret_attach,
                   ControlJobAnswer *ret_job, GError **error)
{
    g_autoptr(Progress) progress = progress_new("reprocess");
    ProgressFunction show = progress ? progress_update : NULL;
    AttachOrder order = {
        .order = {.request = {.type = CONTROL_JOB_WAIT, .job = {id}},
                  .wait = {.stop_fd = stop_fd,
                           .progress = show,
                           .progress_data = progress,
                           .item = print_item}},
        .own_work = {.once = true,
                     .must_finish = true,
                     .job = id,
                     .progress = show,
                     .progress_data = progress},
    };
    bool lost = true;
    while (lost) {
        GError *failure = NULL;
        ControlDoer doer;
        ControlAnswer answer;
        bool ok = attach_work(context, &order, &doer, &answer, &failure);
        *ret_job = ok ? answer.job : (ControlJobAnswer){0};
        if (!interpret_result(ok, doer, failure, ret_attach, &lost, error))
            return false;
        /* A daemon that restarts listens again. A daemon that was stopped must not be replaced by
         * this process. */
        order.order.patience_us = CONTROL_PATIENCE_US;
        order.order.only_daemon = true;
    }
    return true;
}

bool job_attach(const Context *context, uint32_t id, JobAttach *ret_attach,
                ControlJobAnswer *ret_job, GError **error)
{
    int stop_fd = open_stops(error);
    if (stop_fd < 0)
        return false;
    bool ok = attach(context, id, stop_fd, ret_attach, ret_job, error);
    close_stops(stop_fd);
    return ok;
}
