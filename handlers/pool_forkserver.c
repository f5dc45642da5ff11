/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_private.h"

#include "clock.h"
#include "file.h"
#include "forkserver.h"
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  30000

static gboolean end_backoff(gpointer data)
{
    Pool *pool = data;

    pool->backoff_source = 0;
    pool_place_waiting(pool);
    if (pool->room)
        pool->room(pool->room_data);
    return G_SOURCE_REMOVE;
}

/* It cannot be started, or dies before it answers: wait before the next try, longer each time. */
void forkserver_back_off(Pool *pool)
{
    guint delay_ms = BACKOFF_FIRST_MS << MIN(pool->failures, 16);

    pool->failures++;
    if (!pool->backoff_source)
        pool->backoff_source = g_timeout_add(MIN(delay_ms, BACKOFF_LAST_MS), end_backoff, pool);
}

static void remember_failure(Pool *pool, const char *message)
{
    g_free(pool->failure);
    pool->failure = g_strdup(message);
}

/* The worker that was asked for never came to be. */
static void fail_start(Worker *worker)
{
    g_queue_remove(&worker->pool->starting, worker);
    if (worker->n_jobs > 0)
        pool_fail_later(worker->pool, &worker->jobs[0]);
    worker_free(worker);
}

/* Workers it has started, in answers that nobody has read. */
static void end_unclaimed(int socket_fd)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    ProcessEnd end;
    size_t n_fds;
    ssize_t len;

    for (;;) {
        Process process = PROCESS_NONE;
        ForkReply reply;

        if (!wire_receive(socket_fd, buffer, &len, &process.pidfd, 1, &n_fds, NULL) ||
            len != sizeof reply)
            break;
        memcpy(&reply, buffer, sizeof reply);
        process.pid = MAX(reply.pid, 0);
        process_kill(&process);
        if (process.pid == 0 || !process_reap(&process, true, &end))
            fd_clear(&process.pidfd);
    }
}

static void remember_death(Pool *pool, int wait_status)
{
    char message[WIRE_MESSAGE_MAX];

    (void)process_death_reason(wait_status, message);
    g_autofree char *failure =
        g_strdup_printf("the handler program '%s' ended: %s", pool->options.program, message);
    remember_failure(pool, failure);
}

void forkserver_stop(Pool *pool)
{
    bool alone = pool->workers->len == pool->starting.length;
    ProcessEnd end;
    Worker *worker;

    g_clear_handle_id(&pool->forkserver_source, g_source_remove);
    if (pool->forkserver.pid > 0) {
        autofd socket_fd = fd_steal(&pool->forkserver.socket_fd);
        pid_t group = pool->forkserver.pid;
        /* With its workers, where none of them is to live on: one may be in the making. */
        if (alone)
            process_kill_group(&pool->forkserver);
        process_kill(&pool->forkserver);
        if (process_reap(&pool->forkserver, true, &end) && !g_queue_is_empty(&pool->starting))
            remember_death(pool, end.wait_status);
        end_unclaimed(socket_fd);
        if (alone)
            process_reap_group(group);
    }
    if (!g_queue_is_empty(&pool->starting))
        forkserver_back_off(pool);
    while ((worker = g_queue_peek_head(&pool->starting)))
        fail_start(worker);
}

/* The fork server's answer to the oldest request. False when it talks nonsense or has ended. */
static bool read_reply(Pool *pool)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    ForkReply reply;
    ssize_t len;
    size_t n_fds;
    autofd pidfd = -1;
    int64_t age_us;
    Worker *worker = g_queue_peek_head(&pool->starting);

    if (worker)
        fd_clear(&worker->reserved[0]);
    if (!wire_receive_stamped(pool->forkserver.socket_fd, buffer, &len, &pidfd, 1, &n_fds, &age_us,
                              NULL))
        return false;
    if (len < 0)
        return true;
    if (len != sizeof reply || !worker)
        return false;
    memcpy(&reply, buffer, sizeof reply);
    if (reply.version != FORKSERVER_VERSION || reply.pid <= 0 || n_fds != 1) {
        g_autofree char *message =
            g_strdup_printf("cannot fork a handler process: %s", g_strerror(reply.errnum));
        remember_failure(pool, message);
        forkserver_back_off(pool);
        fail_start(worker);
        return true;
    }

    (void)g_queue_pop_head(&pool->starting);
    worker_attach(worker, reply.pid, fd_steal(&pidfd), clock_monotonic_us() - age_us);
    return true;
}

static gboolean on_forkserver(gint fd, GIOCondition condition, gpointer data)
{
    Pool *pool = data;

    (void)fd;
    (void)condition; /* a hang-up is seen by reading */
    if (read_reply(pool))
        return G_SOURCE_CONTINUE;
    pool->forkserver_source = 0;
    forkserver_stop(pool);
    return G_SOURCE_REMOVE;
}

static bool ensure_forkserver(Pool *pool)
{
    g_autoptr(GError) error = NULL;

    if (pool->forkserver.pid > 0)
        return true;
    if (!process_start_forkserver(pool->options.program, &pool->forkserver, &error)) {
        remember_failure(pool, error->message);
        return false;
    }
    pool->forkserver_source =
        g_unix_fd_add(pool->forkserver.socket_fd, G_IO_IN | G_IO_HUP, on_forkserver, pool);
    pool_watch_idle(pool);
    return true;
}

static bool user_is_taken(uint32_t uid, void *data)
{
    const Pool *pool = data;

    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        if (worker->user == uid)
            return true;
    }
    return false;
}

/*
 * It takes no request: it has ended already, and its death says why. What is left of it is taken
 * away by the event loop.
 */
static void remember_end(Pool *pool)
{
    siginfo_t end;

    process_kill(&pool->forkserver);
    if (waitid(P_PID, (id_t)pool->forkserver.pid, &end, WEXITED | WNOWAIT) != 0)
        return;
    int status = end.si_code == CLD_EXITED ? end.si_status << 8 : end.si_status;
    remember_death(pool, status);
}

/* Descriptors that come with what a worker says first are lost where there is no room for them. */
static bool reserve(int fd, int reserved[static 2])
{
    for (int i = 0; i < 2; i++)
        reserved[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (reserved[0] >= 0 && reserved[1] >= 0)
        return true;
    int errnum = errno;
    fd_clear(&reserved[0]);
    fd_clear(&reserved[1]);
    errno = errnum;
    return false;
}

/* Sends the request for `worker`, with the other end of its socket. */
static bool request_worker(Pool *pool, const ForkRequest *request, int reserved[static 2],
                           int *ret_socket_fd)
{
    g_autoptr(GError) error = NULL;
    autofd ours = -1;
    autofd theirs = -1;

    if (!process_socket_pair(&ours, &theirs, &error)) {
        remember_failure(pool, error->message);
        return false;
    }
    if (!reserve(ours, reserved)) {
        g_autofree char *message =
            g_strdup_printf("cannot take a handler process over: %s", g_strerror(errno));
        remember_failure(pool, message);
        return false;
    }
    if (!wire_send(pool->forkserver.socket_fd, request, sizeof *request, &theirs, 1, NULL)) {
        remember_end(pool);
        fd_clear(&reserved[0]);
        fd_clear(&reserved[1]);
        return false;
    }
    *ret_socket_fd = fd_steal(&ours);
    return true;
}

/* Asks the fork server for a new worker. NULL if that is not possible now. */
Worker *forkserver_start_worker(Pool *pool, const char *group)
{
    const PoolOptions *options = &pool->options;
    /* A prime apart, so that two daemons that were started together do not meet at once. */
    uint32_t user =
        options->own_users ? user_choose((uint32_t)getpid() * 97, user_is_taken, pool) : 0;
    ForkRequest request = {
        .version = FORKSERVER_VERSION,
        .memory_bytes = options->memory_bytes,
        .timeout_us = options->timeout_us,
        .max_output_size = options->max_output_size,
        .uid = user,
        .gid = user,
    };
    int reserved[2], socket_fd;

    if (!ensure_forkserver(pool) || !request_worker(pool, &request, reserved, &socket_fd))
        return NULL;

    Worker *worker = g_new0(Worker, 1);
    worker->pool = pool;
    worker->group = g_strdup(group);
    worker->turn_us = clock_monotonic_us();
    worker->user = user;
    worker->process = (Process){.pidfd = -1, .socket_fd = socket_fd};
    memcpy(worker->reserved, reserved, sizeof reserved);
    worker->deadline_us = INT64_MAX;
    worker->listener_fd = -1;
    g_ptr_array_add(pool->workers, worker);
    g_queue_push_tail(&pool->starting, worker);
    return worker;
}
