#include "pool_private.h"

#include "clock.h"
#include "file.h"
#include "forkserver.h"
#include "violation.h"

#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

/* Ends the worker's invocation with `result`. The callback may submit the next one at once. */
static void finish(Worker *worker, const WireResult *result, const PoolUsage *usage)
{
    Invocation invocation = worker->current;

    if (!invocation.active)
        return;
    worker->current.active = false;
    g_clear_handle_id(&worker->timeout_source, g_source_remove);
    worker->pool->busy--;
    worker->pool->used_us = clock_monotonic_us();
    invocation.done(result, usage, invocation.data);
}

static int64_t memory_of(const Worker *worker, int64_t at_death)
{
    int64_t peak = worker->status_fd >= 0 ? process_peak_memory(worker->status_fd) : 0;
    return peak > 0 ? peak : at_death;
}

static PoolUsage measure(const Worker *worker, int64_t cpu_after_us, int64_t memory_bytes)
{
    const Invocation *invocation = &worker->current;
    int64_t from = invocation->started_us ? invocation->started_us : invocation->submitted_us;

    return (PoolUsage){
        .duration_us = clock_monotonic_us() - from,
        .cpu_us = MAX(cpu_after_us - invocation->cpu_before_us, 0),
        .memory_bytes = memory_bytes,
        .init_us = invocation->init_us,
    };
}

static void remove_sources(Worker *worker)
{
    g_clear_handle_id(&worker->socket_source, g_source_remove);
    g_clear_handle_id(&worker->timeout_source, g_source_remove);
    g_clear_handle_id(&worker->listener_source, g_source_remove);
}

void worker_retire(Worker *worker)
{
    worker->leaving = true;
    g_queue_remove(&worker->pool->idle, worker);
    remove_sources(worker);
    fd_clear(&worker->process.socket_fd);
    process_kill(&worker->process);
}

/* True if a decoder has stumbled over the bytes: whatever state that left behind is not trusted. */
static bool is_suspect(const WireResult *result)
{
    switch (result->error) {
    case ERROR_NONE:
        return result->facts.damaged;
    case ERROR_NOT_AN_IMAGE:
    case ERROR_EMPTY_FILE:
    case ERROR_UNSUPPORTED_TYPE:
    case ERROR_FILE_TOO_LARGE:
        return false;
    default:
        return true;
    }
}

static bool result_is_sound(const Worker *worker, const WireResult *result)
{
    size_t wanted = worker->current.job.n_renditions;

    if (!worker->current.active || result->serial != worker->current.job.serial)
        return false;
    if (result->error != ERROR_NONE || result->unchanged)
        return true;
    return result->n_thumbnails == wanted;
}

static void handle_result(Worker *worker, const WireResult *result)
{
    PoolUsage usage = measure(worker, process_cpu_us(worker->process.pid), memory_of(worker, 0));

    worker->pool->failures = 0;
    worker->invocations++;
    if (worker->invocations >= worker->pool->options.max_invocations || is_suspect(result))
        worker_retire(worker);
    else if (!worker->leaving)
        pool_add_idle(worker);
    finish(worker, result, &usage);
}

/* Kills it for a reason of our own, which its death will be reported with. The first one counts. */
static void condemn(Worker *worker, ErrorCode code, const char *message)
{
    process_kill(&worker->process);
    if (worker->verdict != ERROR_NONE)
        return;
    worker->verdict = code;
    g_strlcpy(worker->verdict_message, message, sizeof worker->verdict_message);
}

static void condemn_for_violation(Worker *worker)
{
    char message[WIRE_MESSAGE_MAX];

    violation_describe(violation_read(worker->listener_fd), message);
    worker->leaving = true;
    g_queue_remove(&worker->pool->idle, worker);
    condemn(worker, ERROR_SANDBOX_VIOLATION, message);
}

static gboolean on_violation(gint fd, GIOCondition condition, gpointer data)
{
    Worker *worker = data;

    (void)fd;
    worker->listener_source = 0;
    if (condition & G_IO_IN) /* else it is dead, and has made none */
        condemn_for_violation(worker);
    return G_SOURCE_REMOVE;
}

typedef enum { READ_NOTHING, READ_HELLO, READ_RESULT, READ_END, READ_NONSENSE } ReadOutcome;

static ReadOutcome take_hello(Worker *worker, const uint8_t *data, size_t len, int *listener_fd)
{
    WorkerHello hello;

    if (len != sizeof hello)
        return READ_NONSENSE;
    memcpy(&hello, data, sizeof hello);
    if (hello.version != FORKSERVER_VERSION)
        return READ_NONSENSE;
    worker->greeted = true;
    worker->listener_fd = fd_steal(listener_fd);
    if (worker->listener_fd >= 0)
        worker->listener_source = g_unix_fd_add(worker->listener_fd, G_IO_IN, on_violation, worker);
    return READ_HELLO;
}

static ReadOutcome take_result(Worker *worker, const uint8_t *data, size_t len)
{
    WireResult result;

    if (!wire_decode_result(data, len, &result, NULL) || !result_is_sound(worker, &result))
        return READ_NONSENSE;
    /* One of its threads stands at a forbidden call: nothing that the others say is believed. */
    if (violation_is_pending(worker->listener_fd))
        condemn_for_violation(worker);
    /* Late is late only; what has broken a rule is not believed any more. */
    if (worker->verdict != ERROR_NONE && worker->verdict != ERROR_TIMEOUT)
        return READ_NOTHING;
    handle_result(worker, &result);
    return READ_RESULT;
}

/* Takes one frame from the worker's socket, if there is one. */
static ReadOutcome read_frame(Worker *worker)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    ssize_t len;
    size_t n_fds;
    autofd listener_fd = -1;

    if (worker->process.socket_fd < 0)
        return READ_END;
    if (!wire_receive(worker->process.socket_fd, buffer, &len, &listener_fd,
                      worker->greeted ? 0 : 1, &n_fds, NULL))
        return READ_NONSENSE;
    if (len <= 0)
        return len == 0 ? READ_END : READ_NOTHING;
    return worker->greeted ? take_result(worker, buffer, (size_t)len)
                           : take_hello(worker, buffer, (size_t)len, &listener_fd);
}

static gboolean on_worker_socket(gint fd, GIOCondition condition, gpointer data)
{
    Worker *worker = data;
    ReadOutcome outcome = read_frame(worker);

    (void)fd;
    (void)condition; /* a hang-up is seen by reading */
    if (outcome != READ_END && outcome != READ_NONSENSE && !worker->leaving)
        return G_SOURCE_CONTINUE;
    /* At the end of the stream it is dying by itself; its death tells why. */
    if (outcome == READ_NONSENSE)
        condemn(worker, ERROR_HANDLER_CRASHED, "it answered with a malformed frame");
    /* Without a job no clock runs that would end one which only hung up. */
    else if (!worker->current.active)
        process_kill(&worker->process);
    worker->leaving = true;
    worker->socket_source = 0;
    g_queue_remove(&worker->pool->idle, worker);
    return G_SOURCE_REMOVE;
}

/*
 * A worker that has served others before may have died of what they left behind: their job is done,
 * and this one has a right to a worker of its own.
 */
static bool deserves_another(const Worker *worker)
{
    return worker->current.active && worker->verdict == ERROR_NONE && worker->invocations > 0 &&
           !worker->current.again;
}

/* What the dead one wrote is not to be seen by the next, nor how far it read. */
static bool rewind_files(const Invocation *invocation)
{
    if (lseek(invocation->fds[0], 0, SEEK_SET) != 0)
        return false;
    for (size_t i = 1; i <= invocation->job.n_renditions; i++) {
        if (ftruncate(invocation->fds[i], 0) != 0 || lseek(invocation->fds[i], 0, SEEK_SET) != 0)
            return false;
    }
    return true;
}

static void run_again(Worker *worker)
{
    Pool *pool = worker->pool;
    Invocation invocation = worker->current;

    worker->current.active = false;
    worker_free(worker);
    invocation.again = true;
    invocation.submitted_us = clock_monotonic_us();
    invocation.started_us = 0;
    pool_place(pool, NULL, &invocation);
}

static void report_death(Worker *worker, const ProcessEnd *end)
{
    PoolUsage usage = measure(worker, end->cpu_us, memory_of(worker, end->memory_bytes));
    WireResult result = {.serial = worker->current.job.serial, .error = worker->verdict};

    if (worker->verdict != ERROR_NONE)
        g_strlcpy(result.message, worker->verdict_message, sizeof result.message);
    else
        result.error = process_death_reason(end->wait_status, result.message);
    /* Once it is locked in, only a lie says that it could not be. */
    if (result.error == ERROR_HANDLER_UNAVAILABLE && worker->greeted)
        result.error = ERROR_HANDLER_CRASHED;
    /* The next one would not get into its sandbox either. */
    if (worker->current.active && result.error == ERROR_HANDLER_UNAVAILABLE)
        forkserver_back_off(worker->pool);
    finish(worker, &result, &usage);
    worker_free(worker);
}

static gboolean on_worker_exit(gint fd, GIOCondition condition, gpointer data)
{
    Worker *worker = data;
    ProcessEnd end;

    (void)fd;
    (void)condition;
    worker->leaving = true;
    /* A result that was sent before the death still counts, unless it is of one that has been found
     * out: its socket is not watched any more. */
    while (worker->current.active && worker->socket_source && read_frame(worker) == READ_HELLO)
        continue;
    if (!process_reap(&worker->process, false, &end))
        return G_SOURCE_CONTINUE;
    worker->exit_source = 0;
    if (deserves_another(worker) && rewind_files(&worker->current))
        run_again(worker);
    else
        report_death(worker, &end);
    return G_SOURCE_REMOVE;
}

static gboolean on_timeout(gpointer data)
{
    Worker *worker = data;
    char message[WIRE_MESSAGE_MAX];

    worker->timeout_source = 0;
    g_snprintf(message, sizeof message, "killed after %.2f seconds",
               (double)worker->pool->options.timeout_us / CLOCK_US_PER_SEC);
    if (worker->process.pid > 0)
        condemn(worker, ERROR_TIMEOUT, message);
    else
        process_kill(&worker->pool->forkserver); /* it is the one that hangs */
    return G_SOURCE_REMOVE;
}

void worker_arm_timeout(Worker *worker)
{
    guint timeout_ms = (guint)(worker->pool->options.timeout_us / CLOCK_US_PER_MS);

    g_clear_handle_id(&worker->timeout_source, g_source_remove);
    worker->timeout_source = g_timeout_add(timeout_ms, on_timeout, worker);
}

void worker_attach(Worker *worker, pid_t pid, int pidfd)
{
    worker->process.pid = pid;
    worker->process.pidfd = pidfd;
    worker->status_fd = process_open_status(pid);
    worker->exit_source = g_unix_fd_add(pidfd, G_IO_IN, on_worker_exit, worker);
    worker->socket_source =
        g_unix_fd_add(worker->process.socket_fd, G_IO_IN | G_IO_HUP, on_worker_socket, worker);
    /* Or GLib takes it out of the poll for each answer and puts it back, and wakes itself up both
     * times. No callback of the daemon runs the loop. */
    g_source_set_can_recurse(g_main_context_find_source_by_id(NULL, worker->socket_source), TRUE);
    worker->current.started_us = clock_monotonic_us();
    worker->current.init_us = worker->current.started_us - worker->current.submitted_us;
    worker_arm_timeout(worker);
}

void worker_free(Worker *worker)
{
    Pool *pool = worker->pool;

    remove_sources(worker);
    g_clear_handle_id(&worker->exit_source, g_source_remove);
    g_queue_remove(&pool->idle, worker);
    g_queue_remove(&pool->starting, worker);
    fd_clear(&worker->status_fd);
    fd_clear(&worker->listener_fd);
    fd_clear(&worker->process.pidfd);
    fd_clear(&worker->process.socket_fd);
    g_ptr_array_remove_fast(pool->workers, worker);
    g_free(worker);
}
