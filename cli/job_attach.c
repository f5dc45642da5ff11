#include "job_attach.h"

#include "clock.h"
#include "control.h"
#include "daemon.h"
#include "error.h"
#include "file.h"
#include "handler_path.h"
#include "jobs.h"
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/signalfd.h>

/* How long another daemon may take to come: one that is restarted, or has the lock and not yet its
 * socket. */
#define PATIENCE_US   (5 * CLOCK_US_PER_SEC)
#define LOOK_AGAIN_US (50 * CLOCK_US_PER_MS)

/* ---- signals ------------------------------------------------------------------------------------
 */

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

/* Signals are read from here from now on. -1 on error. */
static int open_stop(GError **error)
{
    sigset_t set;
    stop_signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* a valid set */
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        error_set_errno(error, errno, "cannot listen to", "SIGINT");
    return fd;
}

static void close_stop(int fd)
{
    struct signalfd_siginfo info;
    sigset_t set;
    while (read(fd, &info, sizeof info) > 0)
        ; /* has had its effect */
    fd_clear(&fd);
    stop_signals(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* a valid set */
}

/* ---- with a daemon, and without -----------------------------------------------------------------
 */

/* Connects; waits for a daemon that is about to listen, or until `end_us`. -1: none does. */
static int find_daemon(const Context *context, int64_t end_us, GError **error)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    for (;;) {
        g_autoptr(GError) failure = NULL;
        int fd = control_connect(state, &failure);
        if (fd >= 0)
            return fd;
        if (error_code(failure) != ERROR_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return -1;
        }
        if (clock_monotonic_us() >= end_us)
            return -1;
        g_usleep(LOOK_AGAIN_US);
    }
}

bool job_has_daemon(const Context *context)
{
    g_autoptr(GError) failure = NULL;
    autofd fd = find_daemon(context, 0, &failure);
    return fd >= 0;
}

/* What came of waiting: an end, or with *ret_lost the daemon's own. */
static bool wait_for_daemon(int fd, uint32_t id, int stop_fd, Progress *progress,
                            Attach *ret_attach, bool *ret_lost, GError **error)
{
    g_autofree char *request = g_strdup_printf("job wait %" PRIu32, id);
    g_autoptr(GError) failure = NULL;
    const ControlWait wait = {
        .stop_fd = stop_fd, .progress = progress_update, .progress_data = progress};
    g_autofree char *answer = control_ask(fd, request, &wait, &failure);
    *ret_lost = error_code(failure) == ERROR_IO;
    *ret_attach = answer ? ATTACH_ENDED : ATTACH_LEFT;
    if (answer || *ret_lost || error_code(failure) == ERROR_INTERRUPTED)
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

static bool has_ended(Context *context, uint32_t id, bool *ret_ended, GError **error)
{
    StoreJob job;
    bool found;
    if (!context_open_store(context, error))
        return false;
    bool ok = store_get_job(context->snapshot, id, &found, &job, error);
    *ret_ended = !found || job_has_ended(&job);
    context_close_store(context);
    return ok;
}

/* Does the work. Errors: ERROR_LOCKED if somebody else has begun to. */
static bool work(Context *context, uint32_t id, Progress *progress, Attach *ret_attach,
                 GError **error)
{
    g_autofree char *handler = handler_path(error);
    const DaemonOptions options = {
        .bucket = context->bucket,
        .handler_program = handler,
        .once = true,
        .job = id,
        .progress = progress ? progress_update : NULL,
        .progress_data = progress,
    };
    uint64_t dead;
    bool ended;
    if (!handler || !daemon_run(&options, context->config, &dead, error) ||
        !has_ended(context, id, &ended, error))
        return false;
    *ret_attach = ended ? ATTACH_ENDED : ATTACH_STOPPED;
    return true;
}

/* By whoever does it at the moment; *ret_lost if that comes to an end before the job. */
static bool attach_once(Context *context, uint32_t id, int stop_fd, int64_t patience_us,
                        Progress *progress, Attach *ret_attach, bool *ret_lost, GError **error)
{
    g_autoptr(GError) failure = NULL;
    autofd fd = find_daemon(context, clock_monotonic_us() + patience_us, &failure);
    *ret_lost = false;
    if (fd >= 0)
        return wait_for_daemon(fd, id, stop_fd, progress, ret_attach, ret_lost, error);
    if (!failure && work(context, id, progress, ret_attach, &failure))
        return true;
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

/* A daemon that is restarted comes back; one that was stopped is not to be replaced by us. */
static bool attach_again(Context *context, uint32_t id, int stop_fd, Progress *progress,
                         Attach *ret_attach, GError **error)
{
    bool lost = true;
    while (lost) {
        g_autoptr(GError) failure = NULL;
        autofd fd = find_daemon(context, clock_monotonic_us() + PATIENCE_US, &failure);
        if (failure) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        *ret_attach = ATTACH_DESERTED;
        if (fd < 0)
            return true;
        if (!wait_for_daemon(fd, id, stop_fd, progress, ret_attach, &lost, error))
            return false;
    }
    return true;
}

static bool attach(Context *context, uint32_t id, int stop_fd, Attach *ret_attach, GError **error)
{
    g_autoptr(Progress) progress = progress_new("reprocess");
    g_autoptr(GError) failure = NULL;
    bool lost;
    bool ok = attach_once(context, id, stop_fd, 0, progress, ret_attach, &lost, &failure);
    /* The lock may be a daemon's that is about to listen. */
    if (!ok && error_code(failure) == ERROR_LOCKED) {
        g_clear_error(&failure);
        ok = attach_once(context, id, stop_fd, PATIENCE_US, progress, ret_attach, &lost, &failure);
    }
    if (!ok) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    return !lost || attach_again(context, id, stop_fd, progress, ret_attach, error);
}

bool job_attach(Context *context, uint32_t id, Attach *ret_attach, GError **error)
{
    int stop_fd = open_stop(error);
    if (stop_fd < 0)
        return false;
    bool ok = attach(context, id, stop_fd, ret_attach, error);
    close_stop(stop_fd);
    return ok;
}
