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
    forkserver_forget(worker);
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

void forkserver_forget(Worker *worker)
{
    if (worker->starter)
        g_queue_remove(&worker->starter->starting, worker);
    worker->starter = NULL;
}

/* True if no worker lives but those that fork servers have not told of. */
static bool none_lives(const Pool *pool)
{
    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        if (!worker->starter)
            return false;
    }
    return true;
}

/* Ends one that is not in the pool any more; those still awaited fail. */
static void end_forkserver(ForkServer *server)
{
    Pool *pool = server->pool;
    autofd socket_fd = fd_steal(&server->process.socket_fd);
    pid_t group = server->process.pid;
    bool alone = none_lives(pool);
    ProcessEnd end;
    Worker *worker;

    g_clear_handle_id(&server->source, g_source_remove);
    /* With its workers, where none of them is to live on: one may be in the making. */
    if (alone)
        process_kill_group(&server->process);
    process_kill(&server->process);
    if (process_reap(&server->process, true, &end) && !g_queue_is_empty(&server->starting))
        remember_death(pool, end.wait_status);
    end_unclaimed(socket_fd);
    if (alone)
        process_reap_group(group);
    if (!g_queue_is_empty(&server->starting))
        forkserver_back_off(pool);
    while ((worker = g_queue_peek_head(&server->starting)))
        fail_start(worker);
    g_free(server);
}

void forkserver_stop(Pool *pool)
{
    if (pool->forkserver)
        end_forkserver(g_steal_pointer(&pool->forkserver));
    while (pool->replaced->len > 0)
        end_forkserver(g_ptr_array_steal_index_fast(pool->replaced, 0));
}

/* No worker is asked of it any more. It ends as soon as it owes none. */
static void replace_forkserver(Pool *pool)
{
    ForkServer *server = g_steal_pointer(&pool->forkserver);

    if (g_queue_is_empty(&server->starting))
        end_forkserver(server);
    else
        g_ptr_array_add(pool->replaced, server);
}

void forkserver_give_up_layout(Pool *pool, uint64_t layout)
{
    GList *next;

    if (pool->forkserver && pool->forkserver->layout == layout)
        replace_forkserver(pool);
    for (guint i = 0; i < pool->workers->len; i++) {
        Worker *worker = g_ptr_array_index(pool->workers, i);
        if (worker->layout == layout)
            worker->is_last = true;
    }
    for (GList *at = pool->idle.head; at; at = next) {
        Worker *worker = at->data;
        next = at->next;
        if (worker->is_last)
            worker_retire(worker);
    }
}

/* Its answer to the oldest request. False when it talks nonsense or has ended. */
static bool read_reply(ForkServer *server)
{
    Pool *pool = server->pool;
    uint8_t buffer[WIRE_FRAME_MAX];
    ForkReply reply;
    ssize_t len;
    size_t n_fds;
    autofd pidfd = -1;
    int64_t age_us;
    Worker *worker = g_queue_peek_head(&server->starting);

    if (worker)
        fd_clear(&worker->reserved[0]);
    if (!wire_receive_stamped(server->process.socket_fd, buffer, &len, &pidfd, 1, &n_fds, &age_us,
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

    forkserver_forget(worker);
    worker_attach(worker, reply.pid, fd_steal(&pidfd), clock_monotonic_us() - age_us);
    return true;
}

static gboolean on_forkserver(gint fd, GIOCondition condition, gpointer data)
{
    ForkServer *server = data;
    Pool *pool = server->pool;
    bool is_well = read_reply(server);

    (void)fd;
    (void)condition; /* a hang-up is seen by reading */
    if (is_well && (server == pool->forkserver || !g_queue_is_empty(&server->starting)))
        return G_SOURCE_CONTINUE;
    server->source = 0;
    if (server == pool->forkserver)
        pool->forkserver = NULL;
    else
        g_ptr_array_remove_fast(pool->replaced, server);
    end_forkserver(server);
    return G_SOURCE_REMOVE;
}

/*
 * As many workers are made with one layout of addresses: what a hostile file has learnt of one is
 * true of few others. To execute the program anew costs some 40 to 60 ms of CPU time: with 16, a
 * process for each picture would cost half as much again.
 */
#define WORKERS_PER_LAYOUT 64

static bool ensure_forkserver(Pool *pool)
{
    g_autoptr(GError) error = NULL;
    Process process = PROCESS_NONE;

    if (pool->forkserver && pool->forkserver->n_workers >= WORKERS_PER_LAYOUT)
        replace_forkserver(pool);
    if (pool->forkserver)
        return true;
    if (!process_start_forkserver(pool->options.program, &process, &error)) {
        remember_failure(pool, error->message);
        return false;
    }
    ForkServer *server = g_new0(ForkServer, 1);
    server->pool = pool;
    server->process = process;
    server->layout = ++pool->layouts;
    server->source = g_unix_fd_add(process.socket_fd, G_IO_IN | G_IO_HUP, on_forkserver, server);
    pool->forkserver = server;
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

    process_kill(&pool->forkserver->process);
    if (waitid(P_PID, (id_t)pool->forkserver->process.pid, &end, WEXITED | WNOWAIT) != 0)
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
    if (!wire_send(pool->forkserver->process.socket_fd, request, sizeof *request, &theirs, 1,
                   NULL)) {
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
    worker->starter = pool->forkserver;
    worker->layout = pool->forkserver->layout;
    worker->group = g_strdup(group);
    worker->turn_us = clock_monotonic_us();
    worker->user = user;
    worker->process = (Process){.pidfd = -1, .socket_fd = socket_fd};
    memcpy(worker->reserved, reserved, sizeof reserved);
    worker->deadline_us = INT64_MAX;
    worker->listener_fd = -1;
    g_ptr_array_add(pool->workers, worker);
    g_queue_push_tail(&pool->forkserver->starting, worker);
    pool->forkserver->n_workers++;
    return worker;
}
