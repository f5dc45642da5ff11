/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_private.h"

#include "answer.h"
#include "clock.h"
#include "file.h"
#include "forkserver.h"
#include "output.h"
#include "violation.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a worker's memory is, at the most, besides that which its limit counts: libraries, and the
 * source that it reads. */
#define MEMORY_BESIDES (INT64_C(1) << 30)

static PoolUsage measure(const Worker *worker, int64_t ended_us, int64_t cpu_us,
                         int64_t memory_bytes)
{
    const Invocation *first = &worker->jobs[0];
    int64_t from_us = first->begun_us > 0 ? first->begun_us : first->submitted_us;

    return (PoolUsage){
        .duration_us =
            MAX(ended_us - from_us, 1), /* by two clocks, if the worker was just started */
        .cpu_us = MAX(cpu_us, 0),
        .memory_bytes = memory_bytes,
        .init_us = first->init_us,
        .starved = worker->starved,
    };
}

static void remove_sources(Worker *worker)
{
    g_clear_handle_id(&worker->socket_source, g_source_remove);
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

/* It is the answer to the job that the worker is at, and one that is believed. Nobody listens to
 * that of a job that was handed back. */
static bool is_expected(const Worker *worker, const WireResult *result)
{
    const Invocation *first = &worker->jobs[0];

    return worker->n_jobs > 0 && result->serial == first->serial &&
           (!first->done || answer_is_sound(first->job.wire, result));
}

/*
 * CPU time of the job that has ended. The kernel counts it; a worker that has gone on to the next
 * job by now has said how much of it was this one's.
 */
static int64_t charge_cpu(Worker *worker, const WireResult *result)
{
    int64_t before_us = worker->cpu_us;
    int64_t total_us = MAX(process_cpu_us(worker->cpu_clock), before_us);

    if (worker->n_jobs > 1)
        total_us = CLAMP(result->cpu_us, before_us, total_us);
    worker->cpu_us = total_us;
    return total_us - before_us;
}

/* What cleaning up after a job may take, and threads of a library that come to their end. */
#define IDLE_CPU_US (20 * CLOCK_US_PER_MS)

bool worker_is_restless(const Worker *worker)
{
    return process_cpu_us(worker->cpu_clock) - worker->cpu_us > IDLE_CPU_US;
}

int64_t worker_look_after_idle(Worker *worker, int64_t now_us)
{
    int64_t idle_us = now_us - worker->idle_since_us;

    if (worker->idle_look_us <= now_us) {
        if (worker_is_restless(worker)) {
            worker_retire(worker);
            return INT64_MAX;
        }
        worker->idle_look_us = now_us + MAX(idle_us, IDLE_LOOK_US);
    }
    return worker->idle_look_us;
}

/* The memory that the job took at the most, as far as it can be true. */
static int64_t believed_memory(const Worker *worker, const WireResult *result)
{
    int64_t limit_bytes = worker->pool->options.memory_bytes;

    return limit_bytes > 0 ? MIN(result->memory_bytes, limit_bytes + MEMORY_BESIDES)
                           : result->memory_bytes;
}

static void learn_duration(Pool *pool, int64_t duration_us)
{
    int64_t mean_us = pool->mean_us ? pool->mean_us : duration_us;

    pool->mean_us = MAX(mean_us + (duration_us - mean_us) / 8, 1);
}

/* It is killed, and what it says counts when it has been reaped: nobody holds its files then. */
static void hold_answer(Worker *worker, const WireResult *result, int64_t ended_us)
{
    worker->held = g_new(HeldAnswer, 1);
    *worker->held = (HeldAnswer){.result = *result, .ended_us = ended_us};
    worker->held->result.payload = NULL; /* borrowed from a frame; empty where files are its own */
    worker->deadline_us = INT64_MAX;
    worker_retire(worker);
}

/*
 * Takes back the memory file that the answer has used up. *ret_fd is sealed; -1 where there is
 * nothing in it that counts. False if the answer is not to be believed.
 */
static bool take_memory(Worker *worker, const WireResult *result, int *ret_fd)
{
    autofd fd = -1;

    *ret_fd = -1;
    if (!result->took_memory)
        return true;
    if (worker->n_memory == 0)
        return false;
    fd = worker->memory[0];
    worker->n_memory--;
    memmove(&worker->memory[0], &worker->memory[1], worker->n_memory * sizeof worker->memory[0]);
    if (result->n_thumbnails == 0 || !worker->jobs[0].done)
        return true;
    if (!output_seal(fd) || !output_is_whole(result, fd))
        return false;
    *ret_fd = fd_steal(&fd);
    return true;
}

static void handle_result(Worker *worker, const WireResult *result, int64_t ended_us)
{
    PoolUsage usage = measure(worker, ended_us, 0, believed_memory(worker, result));
    bool is_suspect = answer_is_suspect(result, worker->jobs[0].job.named_as_image);

    usage.cpu_us = charge_cpu(worker, result);
    learn_duration(worker->pool, usage.duration_us);
    worker->pool->failures = 0;
    worker->invocations++;
    if (worker->invocations >= worker->pool->options.max_invocations || is_suspect ||
        worker->is_last || worker->verdict != ERROR_NONE) {
        worker_retire(worker);
        jobs_hand_back(worker, 1, false);
    } else if (!worker->leaving && worker->n_jobs == 1) {
        pool_add_idle(worker);
    }
    jobs_end_first(worker, result, &usage, ended_us);
}

/* Kills it for a reason of our own, which its death will be reported with. The first one counts. */
static void condemn(Worker *worker, ErrorCode code, const char *message)
{
    process_kill(&worker->process);
    if (worker->verdict != ERROR_NONE)
        return;
    worker->verdict = code;
    g_strlcpy(worker->verdict_message, message, sizeof worker->verdict_message);
    forkserver_give_up_layout(worker->pool, worker->layout);
}

/*
 * With one job it is this one's doing. Where others wait, it may be at the next one already, and
 * its answer on its way: all are handed back, to be done again one by one.
 */
static void condemn_for_violation(Worker *worker)
{
    char message[WIRE_MESSAGE_MAX];

    violation_describe(violation_read(worker->listener_fd), message);
    worker->leaving = true;
    g_queue_remove(&worker->pool->idle, worker);
    condemn(worker, ERROR_SANDBOX_VIOLATION, message);
    if (worker->n_jobs > 1) {
        pool_leave_alone(worker->pool);
        jobs_hand_back(worker, 0, false);
    }
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

static ReadOutcome take_hello(Worker *worker, const uint8_t *data, size_t len, int64_t sent_us,
                              int *listener_fd)
{
    WorkerHello hello;

    if (len != sizeof hello)
        return READ_NONSENSE;
    memcpy(&hello, data, sizeof hello);
    if (hello.version != FORKSERVER_VERSION)
        return READ_NONSENSE;
    worker->greeted = true;
    jobs_begin(worker, sent_us);
    worker->listener_fd = fd_steal(listener_fd);
    if (worker->listener_fd >= 0)
        worker->listener_source = g_unix_fd_add(worker->listener_fd, G_IO_IN, on_violation, worker);
    return READ_HELLO;
}

static ReadOutcome take_result(Worker *worker, const uint8_t *data, size_t len, int64_t ended_us)
{
    WireResult result;
    autofd memory_fd = -1;

    if (!wire_decode_result(data, len, &result, NULL) || !is_expected(worker, &result) ||
        !take_memory(worker, &result, &memory_fd))
        return READ_NONSENSE;
    result.memory_fd = memory_fd;
    /* One of its threads stands at a forbidden call: nothing that the others say is believed. */
    if (violation_is_pending(worker->listener_fd))
        condemn_for_violation(worker);
    /* Late is late only; what has broken a rule is not believed any more. */
    if (worker->verdict != ERROR_NONE && worker->verdict != ERROR_TIMEOUT)
        return READ_NOTHING;
    if (worker->is_alone)
        hold_answer(worker, &result, ended_us);
    else
        handle_result(worker, &result, ended_us);
    return READ_RESULT;
}

/* Takes one frame from the worker's socket, if there is one. */
static ReadOutcome read_frame(Worker *worker)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    ssize_t len;
    size_t n_fds;
    int64_t age_us;
    autofd listener_fd = -1;

    if (worker->process.socket_fd < 0)
        return READ_END;
    if (!worker->greeted)
        fd_clear(&worker->reserved[1]);
    if (!wire_receive_stamped(worker->process.socket_fd, buffer, &len, &listener_fd,
                              worker->greeted ? 0 : 1, &n_fds, &age_us, NULL))
        return READ_NONSENSE;
    if (len <= 0)
        return len == 0 ? READ_END : READ_NOTHING;
    int64_t sent_us = clock_monotonic_us() - age_us;
    return worker->greeted ? take_result(worker, buffer, (size_t)len, sent_us)
                           : take_hello(worker, buffer, (size_t)len, sent_us, &listener_fd);
}

/* Takes all frames that are there, as long as it is to be believed. */
static ReadOutcome read_frames(Worker *worker)
{
    ReadOutcome outcome;

    do
        outcome = read_frame(worker);
    while ((outcome == READ_RESULT || outcome == READ_HELLO) && worker->n_jobs > 0 &&
           worker->socket_source);
    return outcome;
}

static gboolean on_worker_socket(gint fd, GIOCondition condition, gpointer data)
{
    Worker *worker = data;
    ReadOutcome outcome = read_frames(worker);

    (void)fd;
    (void)condition; /* a hang-up is seen by reading */
    if (outcome != READ_END && outcome != READ_NONSENSE && !worker->leaving)
        return G_SOURCE_CONTINUE;
    /* At the end of the stream it is dying by itself; its death tells why. */
    if (outcome == READ_NONSENSE)
        condemn(worker, ERROR_HANDLER_CRASHED, "it answered with a malformed frame");
    /* Without a job no clock runs that would end one which only hung up. */
    else if (worker->n_jobs == 0)
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
    return worker->n_jobs > 0 && worker->jobs[0].done && worker->verdict == ERROR_NONE &&
           worker->invocations > 0 && !worker->jobs[0].again;
}

/* How far the dead one has read is not to be seen by the next. What it wrote is gone with it: only
 * one that has done other jobs is not the only one that the job gets. */
static bool rewind_source(const Invocation *invocation)
{
    return lseek(invocation->job.source_fd, 0, SEEK_SET) == 0;
}

static void run_again(Worker *worker)
{
    Pool *pool = worker->pool;
    Invocation invocation = worker->jobs[0];

    worker_free(worker);
    invocation.again = true;
    invocation.submitted_us = clock_monotonic_us();
    pool_place(pool, NULL, &invocation);
}

static void report_death(Worker *worker, const ProcessEnd *end)
{
    int64_t now_us = clock_monotonic_us();
    WireResult result = {.error = worker->verdict};

    if (worker->verdict != ERROR_NONE)
        g_strlcpy(result.message, worker->verdict_message, sizeof result.message);
    else
        result.error = process_death_reason(end->wait_status, result.message);
    /* Once it is locked in, only a lie says that it could not be. */
    if (result.error == ERROR_HANDLER_UNAVAILABLE && worker->greeted)
        result.error = ERROR_HANDLER_CRASHED;
    /* The next one would not get into its sandbox either. */
    if (worker->n_jobs > 0 && result.error == ERROR_HANDLER_UNAVAILABLE)
        forkserver_back_off(worker->pool);
    if (worker->n_jobs > 0) {
        PoolUsage usage = measure(worker, now_us, end->cpu_us - worker->cpu_us, end->memory_bytes);
        usage.killed = worker->verdict == ERROR_NONE && WIFSIGNALED(end->wait_status) &&
                       WTERMSIG(end->wait_status) == SIGKILL;
        result.serial = worker->jobs[0].serial;
        jobs_end_first(worker, &result, &usage, now_us);
    }
    worker_free(worker);
}

/* It has been reaped: what it has answered counts, and what it cost is known to the end. */
static void report_held(Worker *worker, const ProcessEnd *end)
{
    HeldAnswer *held = worker->held;
    PoolUsage usage = measure(worker, held->ended_us, end->cpu_us,
                              MIN(held->result.memory_bytes, end->memory_bytes));

    learn_duration(worker->pool, usage.duration_us);
    worker->pool->failures = 0;
    jobs_end_first(worker, &held->result, &usage, clock_monotonic_us());
    worker_free(worker);
}

/*
 * True of a death that a wrong guess of an address may have been. Of SIGKILL it is not: what the
 * pool kills for a reason was condemned.
 */
static bool has_crashed(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return WTERMSIG(wait_status) != SIGKILL;
    switch (WEXITSTATUS(wait_status)) {
    case WORKER_EXIT_OK:
    case WORKER_EXIT_SANDBOX:
    case WORKER_EXIT_PROTOCOL:
        return false;
    default:
        return true;
    }
}

static gboolean on_worker_exit(gint fd, GIOCondition condition, gpointer data)
{
    Worker *worker = data;
    Pool *pool = worker->pool;
    ProcessEnd end;

    (void)fd;
    (void)condition;
    worker->leaving = true;
    /* A result that was sent before the death still counts, unless it is of one that has been found
     * out: its socket is not watched any more. */
    if (worker->n_jobs > 0 && worker->socket_source)
        (void)read_frames(worker); /* nonsense at the end of a life is one more reason to die */
    if (!process_reap(&worker->process, false, &end))
        return G_SOURCE_CONTINUE;
    worker->exit_source = 0;
    if (has_crashed(end.wait_status))
        forkserver_give_up_layout(pool, worker->layout);
    jobs_hand_back(worker, 1, false);
    if (worker->held)
        report_held(worker, &end);
    else if (deserves_another(worker) && rewind_source(&worker->jobs[0]))
        run_again(worker);
    else
        report_death(worker, &end);
    pool_place_waiting(pool);
    return G_SOURCE_REMOVE;
}

/* Between two looks at how much of its CPU time a job has used: a part of what is left. */
#define LOOKS       4
#define LOOK_MIN_US (50 * CLOCK_US_PER_MS)

/*
 * What counts is the CPU time that the job has used: on a busy machine a healthy one waits for a
 * processor. How long it may wait, or sleep, is limited, too. Sets the next deadline if there is
 * time left.
 */
static bool has_time_left(Worker *worker, int64_t used_us)
{
    const PoolOptions *options = &worker->pool->options;
    const Invocation *first = &worker->jobs[0];
    int64_t begun_us = first->begun_us > 0 ? first->begun_us : first->submitted_us;
    int64_t until_us = begun_us + MAX(options->wall_us, options->timeout_us);
    int64_t left_us = options->timeout_us - used_us;
    int64_t now_us = clock_monotonic_us();

    if (left_us <= 0 || now_us >= until_us)
        return false;
    worker->deadline_us = MIN(until_us, now_us + MAX(left_us / LOOKS, LOOK_MIN_US));
    return true;
}

void worker_time_out(Worker *worker)
{
    const PoolOptions *options = &worker->pool->options;
    char message[WIRE_MESSAGE_MAX];
    int64_t used_us = 0;

    if (worker->process.pid > 0)
        used_us = MAX(process_cpu_us(worker->cpu_clock) - worker->cpu_us, 0);
    if (has_time_left(worker, used_us))
        return;
    worker->deadline_us = INT64_MAX;
    worker->starved = used_us < options->timeout_us;
    double wall_us = (double)MAX(options->wall_us, options->timeout_us);
    if (worker->starved)
        g_snprintf(message, sizeof message,
                   "killed after %.2f seconds, of which it took %.2f of CPU time",
                   wall_us / CLOCK_US_PER_SEC, (double)used_us / CLOCK_US_PER_SEC);
    else
        g_snprintf(message, sizeof message, "killed after %.2f seconds of CPU time",
                   (double)options->timeout_us / CLOCK_US_PER_SEC);
    if (worker->process.pid > 0)
        condemn(worker, ERROR_TIMEOUT, message);
    else
        process_kill(&worker->starter->process); /* it is the one that hangs */
}

void worker_attach(Worker *worker, pid_t pid, int pidfd, int64_t started_us)
{
    worker->process.pid = pid;
    worker->process.pidfd = pidfd;
    worker->cpu_clock = process_cpu_clock(pid);
    worker->exit_source = g_unix_fd_add(pidfd, G_IO_IN, on_worker_exit, worker);
    worker->socket_source =
        g_unix_fd_add(worker->process.socket_fd, G_IO_IN | G_IO_HUP, on_worker_socket, worker);
    /* Or GLib takes it out of the poll for each answer and puts it back, and wakes itself up both
     * times. No callback of the daemon runs the loop. */
    g_source_set_can_recurse(g_main_context_find_source_by_id(NULL, worker->socket_source), TRUE);
    jobs_begin(worker, started_us);
}

bool worker_lacks_memory(const Worker *worker)
{
    return worker->n_memory <= worker->n_jobs;
}

void worker_send(Worker *worker, int memory_fd)
{
    const PoolJob *job = &worker->jobs[worker->n_jobs - 1].job;
    uint8_t buffer[WIRE_FRAME_MAX];
    size_t len = wire_encode_job(job->wire, buffer);
    int fds[WIRE_FDS_MAX] = {job->source_fd};
    size_t n_fds = 1;

    if (job->wire->own_files) {
        memcpy(fds + 1, job->files, job->wire->n_renditions * sizeof fds[0]);
        n_fds += job->wire->n_renditions;
    } else if (memory_fd >= 0) {
        worker->memory[worker->n_memory++] = memory_fd;
        fds[n_fds++] = memory_fd;
    }
    if (!wire_send(worker->process.socket_fd, buffer, len, fds, n_fds, NULL))
        process_kill(&worker->process);
}

void worker_free(Worker *worker)
{
    Pool *pool = worker->pool;

    remove_sources(worker);
    g_clear_handle_id(&worker->exit_source, g_source_remove);
    g_queue_remove(&pool->idle, worker);
    forkserver_forget(worker);
    fd_clear(&worker->reserved[0]);
    fd_clear(&worker->reserved[1]);
    fd_clear(&worker->listener_fd);
    fd_clear(&worker->process.pidfd);
    fd_clear(&worker->process.socket_fd);
    for (unsigned i = 0; i < worker->n_memory; i++)
        fd_clear(&worker->memory[i]);
    g_ptr_array_remove_fast(pool->workers, worker);
    g_free(worker->held);
    g_free(worker->group);
    g_free(worker);
}
