/* SPDX-License-Identifier: Apache-2.0 */
/* Starts workers by the fork server, and delays the next start after a failure. */
#include "pool/pool_private.h"

#include "base/clock.h"
#include "base/file.h"
#include "handlers/forkserver.h"
#include "handlers/user.h"

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
    Program *program = data;

    program->backoff_source = 0;
    pool_place_waiting(program->pool);
    executor_report_room(&program->pool->executor);
    return G_SOURCE_REMOVE;
}

/*
 * Delays the next start of the program, longer each time: the fork server cannot be started, or
 * dies before it answers.
 */
void forkserver_back_off(Program *program)
{
    guint delay_ms = BACKOFF_FIRST_MS << MIN(program->failures, 16);

    program->failures++;
    if (!program->backoff_source)
        program->backoff_source =
            g_timeout_add(MIN(delay_ms, BACKOFF_LAST_MS), end_backoff, program);
}

static void remember_failure(Program *program, ErrorCode code, const char *message)
{
    g_free(program->failure);
    program->failure = g_strdup(message);
    program->failure_code = code;
}

static void remember_errno(Program *program, const char *action, int errnum)
{
    g_autofree char *message = g_strdup_printf("%s: %s", action, g_strerror(errnum));

    remember_failure(program, process_start_error(errnum), message);
}

/* Reports that a requested worker could not be started, and frees it. */
static void fail_start(Worker *worker)
{
    forkserver_forget(worker);
    if (worker->n_runs > 0 && worker->runs[0].done)
        pool_fail_later(worker->pool, &worker->runs[0]);
    worker_free(worker);
}

/* Kills and reaps workers whose start the fork server reported in replies that were not read. */
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

static void remember_death(Program *program, int wait_status)
{
    char message[WIRE_MESSAGE_MAX];

    (void)process_death_reason(wait_status, message);
    g_autofree char *failure =
        g_strdup_printf("the handler program '%s' ended: %s", program->path, message);
    remember_failure(program, ERROR_HANDLER_UNAVAILABLE, failure);
}

void forkserver_forget(Worker *worker)
{
    if (worker->starter)
        g_queue_remove(&worker->starter->starting, worker);
    worker->starter = NULL;
}

/* True if no worker of the fork server lives, except workers that it has not reported yet. */
static bool none_lives(const ForkServer *server)
{
    const Pool *pool = server->program->pool;

    for (guint i = 0; i < pool->workers->len; i++) {
        const Worker *worker = g_ptr_array_index(pool->workers, i);
        if (worker->layout == server->layout && !worker->starter)
            return false;
    }
    return true;
}

/* Ends a fork server that was removed from the pool. Workers that it has not reported fail. */
static void end_forkserver(ForkServer *server)
{
    Program *program = server->program;
    autofd socket_fd = fd_steal(&server->process.socket_fd);
    pid_t group = server->process.pid;
    bool alone = none_lives(server);
    ProcessEnd end;
    Worker *worker;

    g_clear_handle_id(&server->source, g_source_remove);
    /*
     * If no worker is to live on, the whole group is killed: the fork server may be starting one.
     */
    if (alone)
        process_kill_group(&server->process);
    process_kill(&server->process);
    if (process_reap(&server->process, true, &end) && !g_queue_is_empty(&server->starting))
        remember_death(program, end.wait_status);
    end_unclaimed(socket_fd);
    if (alone)
        process_reap_group(group);
    if (!g_queue_is_empty(&server->starting))
        forkserver_back_off(program);
    while ((worker = g_queue_peek_head(&server->starting)))
        fail_start(worker);
    g_free(server);
}

void forkserver_end(Program *program)
{
    if (program->forkserver)
        end_forkserver(g_steal_pointer(&program->forkserver));
}

void forkserver_stop(Pool *pool)
{
    for (size_t i = 0; i < pool->n_programs; i++)
        forkserver_end(&pool->programs[i]);
    while (pool->replaced->len > 0)
        end_forkserver(g_ptr_array_steal_index_fast(pool->replaced, 0));
}

/* Asks this fork server for no more workers. It ends as soon as it has answered all requests. */
static void replace_forkserver(Program *program)
{
    ForkServer *server = g_steal_pointer(&program->forkserver);

    if (g_queue_is_empty(&server->starting))
        end_forkserver(server);
    else
        g_ptr_array_add(program->pool->replaced, server);
}

void forkserver_retire_layout(Pool *pool, uint64_t layout)
{
    GList *next;

    for (size_t i = 0; i < pool->n_programs; i++) {
        Program *program = &pool->programs[i];
        if (program->forkserver && program->forkserver->layout == layout)
            replace_forkserver(program);
    }
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

/*
 * Reads the reply to the oldest request. False if the reply is malformed or the fork server has
 * ended.
 */
static bool read_reply(ForkServer *server)
{
    Program *program = server->program;
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
        remember_errno(program, "cannot fork a handler process", reply.errnum);
        forkserver_back_off(program);
        fail_start(worker);
        return true;
    }

    forkserver_forget(worker);
    worker_attach(worker, reply.pid, fd_steal(&pidfd), clock_monotonic_us() - age_us);
    return true;
}

/*
 * Reads a reply of the fork server, and ends the server after a hang-up, or if it is replaced and
 * starts no more workers.
 */
static gboolean on_forkserver(gint fd, GIOCondition condition, gpointer data)
{
    ForkServer *server = data;
    Program *program = server->program;
    bool is_well = read_reply(server);

    (void)fd;
    /* Reading detects a hang-up. */
    (void)condition;
    if (is_well && (server == program->forkserver || !g_queue_is_empty(&server->starting)))
        return G_SOURCE_CONTINUE;
    server->source = 0;
    if (server == program->forkserver)
        program->forkserver = NULL;
    else
        g_ptr_array_remove_fast(program->pool->replaced, server);
    end_forkserver(server);
    return G_SOURCE_REMOVE;
}

/*
 * Workers that are made with one layout of addresses: what a hostile file learns about one layout
 * is true for few other workers. Executing the program anew costs some 40 to 60 ms of CPU time:
 * with 16 workers per layout, a process for each picture would cost half as much again.
 */
#define WORKERS_PER_LAYOUT 64

/*
 * Starts the program's fork server unless it runs. It is replaced after some workers, so that the
 * next ones get another layout of memory.
 */
static bool ensure_forkserver(Program *program)
{
    g_autoptr(GError) error = NULL;
    Process process = PROCESS_NONE;

    if (program->forkserver && program->forkserver->n_workers >= WORKERS_PER_LAYOUT)
        replace_forkserver(program);
    if (program->forkserver)
        return true;
    if (!process_start_forkserver(program->path, &process, &error)) {
        remember_failure(program, error_code(error), error->message);
        return false;
    }
    /* The reason of an earlier failure does not hold for this process. */
    program->failure_code = ERROR_HANDLER_UNAVAILABLE;
    ForkServer *server = g_new0(ForkServer, 1);
    server->program = program;
    server->process = process;
    server->layout = ++program->pool->layouts;
    server->source = g_unix_fd_add(process.socket_fd, G_IO_IN | G_IO_HUP, on_forkserver, server);
    program->forkserver = server;
    pool_watch_idle(program);
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
 * Remembers the death of the fork server as the failure: it takes no request, because it has ended
 * already. The event loop reaps it.
 */
static void remember_end(Program *program)
{
    siginfo_t end;

    process_kill(&program->forkserver->process);
    if (waitid(P_PID, (id_t)program->forkserver->process.pid, &end, WEXITED | WNOWAIT) != 0)
        return;
    int status = end.si_code == CLD_EXITED ? end.si_status << 8 : end.si_status;
    remember_death(program, status);
}

/*
 * Reserves two descriptors. A descriptor that comes with the worker's first frames is lost if this
 * process has none free.
 */
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

/* Sends the request for a worker, with the worker's end of its socket. */
static bool request_worker(Program *program, const ForkRequest *request, int reserved[static 2],
                           int *ret_socket_fd)
{
    g_autoptr(GError) error = NULL;
    autofd ours = -1;
    autofd theirs = -1;

    if (!process_socket_pair(&ours, &theirs, &error)) {
        remember_failure(program, error_code(error), error->message);
        return false;
    }
    if (!reserve(ours, reserved)) {
        remember_errno(program, "cannot take a handler process over", errno);
        return false;
    }
    WireSent sent =
        wire_try_send(program->forkserver->process.socket_fd, request, sizeof *request, &theirs, 1);
    if (sent != WIRE_SENT) {
        if (sent == WIRE_LATER)
            remember_errno(program, "cannot ask for a handler process", errno);
        else
            remember_end(program);
        fd_clear(&reserved[0]);
        fd_clear(&reserved[1]);
        return false;
    }
    *ret_socket_fd = fd_steal(&ours);
    return true;
}

/* Asks the fork server for a new worker. NULL if that is not possible now. */
Worker *forkserver_start_worker(Program *program, const char *group, int nice)
{
    Pool *pool = program->pool;
    const ExecutorOptions *options = &pool->options;
    /*
     * The seeds are multiples of a prime, so that two daemons that were started together do not
     * choose the same users at once.
     */
    uint32_t user =
        options->own_users ? user_choose((uint32_t)getpid() * 97, user_is_taken, pool) : 0;
    ForkRequest request = {
        .version = FORKSERVER_VERSION,
        .memory_bytes = program_memory_bytes(program),
        .timeout_us = program_timeout_us(program),
        .max_output_size = options->max_output_size,
        .uid = user,
        .gid = user,
        .nice = nice,
    };
    int reserved[2], socket_fd;

    if (!ensure_forkserver(program) || !request_worker(program, &request, reserved, &socket_fd))
        return NULL;

    Worker *worker = g_new0(Worker, 1);
    worker->pool = pool;
    worker->program = program;
    worker->starter = program->forkserver;
    worker->layout = program->forkserver->layout;
    worker->group = g_strdup(group);
    worker->nice = nice;
    worker->turn_us = clock_monotonic_us();
    worker->user = user;
    worker->process = (Process){.pidfd = -1, .socket_fd = socket_fd};
    memcpy(worker->reserved, reserved, sizeof reserved);
    worker->deadline_us = INT64_MAX;
    worker->listener_fd = -1;
    g_ptr_array_add(pool->workers, worker);
    g_queue_push_tail(&program->forkserver->starting, worker);
    program->forkserver->n_workers++;
    return worker;
}
