/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the frames of a worker: its greeting, its answers, and notices of forbidden calls. Decides
 * with the functions of the invocation's kind whether an answer is believed.
 */
#include "pool/pool_private.h"

#include "base/capacity.h"
#include "base/clock.h"
#include "base/file.h"
#include "handlers/forkserver.h"
#include "handlers/memory_output.h"
#include "pool/violation.h"

#include <glib-unix.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>

/* The most memory of a worker beyond its limit, bytes: libraries, and the source that it reads. */
#define MEMORY_BESIDES (INT64_C(1) << 30)

InvocationUsage answers_measure(const Worker *worker, int64_t ended_us, int64_t cpu_us,
                                int64_t memory_bytes)
{
    const Run *first = &worker->runs[0];
    int64_t from_us = first->begun_us > 0 ? first->begun_us : first->submitted_us;

    return (InvocationUsage){
        /* At least 1: the two times are of two clocks if the worker was just started. */
        .duration_us = MAX(ended_us - from_us, 1),
        .cpu_us = MAX(cpu_us, 0),
        .memory_bytes = memory_bytes,
        .init_us = first->init_us,
        .starved = worker->starved,
    };
}

/*
 * True for a believable answer to the worker's current invocation. The answer to an invocation that
 * was handed back is not checked.
 */
static bool is_expected(const Worker *worker, const Answer *answer)
{
    const Run *first = &worker->runs[0];

    return answer->serial == first->serial &&
           (!first->done || first->invocation.kind->is_sound(first->invocation.order, answer));
}

/*
 * Returns the CPU time of the invocation that has ended. The kernel counts the time of the worker.
 * A worker that has begun the next invocation by now states in its answer how much belongs to this
 * one.
 */
static int64_t charge_cpu(Worker *worker, const Answer *answer)
{
    int64_t before_us = worker->cpu_us;
    int64_t total_us = MAX(process_cpu_us(worker->cpu_clock), before_us);

    if (worker->n_runs > 1)
        total_us = CLAMP(answer->cpu_us, before_us, total_us);
    worker->cpu_us = total_us;
    return total_us - before_us;
}

/* Returns the peak memory of the invocation as the worker states it, limited to possible values.
 */
static int64_t believed_memory(const Worker *worker, const Answer *answer)
{
    int64_t limit_bytes = program_memory_bytes(worker->program);

    return limit_bytes > 0 ? MIN(answer->memory_bytes, limit_bytes + MEMORY_BESIDES)
                           : answer->memory_bytes;
}

/*
 * True if the worker is to be retired for its peak memory. The kernel keeps the peak of a process
 * for its whole life: after a large picture, each later one would seem to be as large.
 */
static bool has_been_large(const InvocationUsage *usage)
{
    return usage->memory_bytes > CAPACITY_HANDLER_BYTES;
}

static void learn_duration(Program *program, int64_t duration_us)
{
    int64_t mean_us = program->mean_us ? program->mean_us : duration_us;

    program->mean_us = MAX(mean_us + (duration_us - mean_us) / 8, 1);
}

/*
 * Kills the worker and keeps its answer until the worker has been reaped: no process has its files
 * open then.
 */
static void store_answer(Worker *worker, const uint8_t *frame, size_t len, int64_t ended_us)
{
    g_assert(!worker->held);
    worker->held = g_new(HeldAnswer, 1);
    *worker->held = (HeldAnswer){g_memdup2(frame, len), len, ended_us};
    worker->deadline_us = INT64_MAX;
    worker_retire(worker);
}

/*
 * Takes back the memory file that the answer has used up. *ret_fd is a sealed file, owned by the
 * caller; -1 if the answer has no output that counts. False if the answer is not believed.
 */
static bool accept_memory(Worker *worker, const Answer *answer, int *ret_fd)
{
    autofd fd = -1;

    *ret_fd = -1;
    if (!answer->filled_memory)
        return true;
    if (worker->n_memory == 0)
        return false;
    fd = worker->memory[0];
    worker->n_memory--;
    memmove(&worker->memory[0], &worker->memory[1], worker->n_memory * sizeof worker->memory[0]);
    if (!answer->has_output || !worker->runs[0].done)
        return true;
    if (!output_seal(fd) || !worker->runs[0].invocation.kind->is_whole(answer, fd))
        return false;
    *ret_fd = fd_steal(&fd);
    return true;
}

/* True if the worker should get no other invocation. An invocation that was handed back has no
 * order any more. */
static bool is_suspect(const Worker *worker, const Answer *answer)
{
    const Run *first = &worker->runs[0];

    return first->invocation.kind->is_suspect(first->done ? first->invocation.order : NULL, answer);
}

/*
 * Ends the worker's first invocation with the answer. The worker stays, or is retired if it was
 * suspect or its limits are reached.
 */
static void handle_answer(Worker *worker, const Answer *answer, int64_t ended_us)
{
    InvocationUsage usage = answers_measure(worker, ended_us, 0, believed_memory(worker, answer));
    bool is_last = is_suspect(worker, answer) || worker->is_last;

    usage.cpu_us = charge_cpu(worker, answer);
    learn_duration(worker->program, usage.duration_us);
    worker->program->failures = 0;
    worker->invocations++;
    if (worker->invocations >= worker->pool->options.max_invocations || is_last ||
        has_been_large(&usage) || worker->verdict != ERROR_NONE) {
        worker_retire(worker);
        runs_return(worker, 1, false);
    } else if (!worker->leaving && worker->n_runs == 1) {
        pool_add_idle(worker);
    }
    runs_end_first(worker, answer, &usage, ended_us);
}

/*
 * Kills the worker for a forbidden call. With one invocation, that invocation made the call. With
 * several, the worker may be at the next invocation already while its answer is on the way: all are
 * handed back, to be done again one by one.
 */
static void condemn_for_violation(Worker *worker)
{
    char message[WIRE_MESSAGE_MAX];

    violation_describe(violation_read(worker->listener_fd), message);
    worker->leaving = true;
    g_queue_remove(&worker->pool->idle, worker);
    worker_condemn(worker, ERROR_SANDBOX_VIOLATION, message);
    if (worker->n_runs > 1) {
        pool_leave_alone(worker->pool);
        runs_return(worker, 0, false);
    }
}

/* Called when the worker made a forbidden system call, or has died. */
static gboolean on_violation(gint fd, GIOCondition condition, gpointer data)
{
    Worker *worker = data;

    (void)fd;
    worker->listener_source = 0;
    /* Without G_IO_IN the worker has died, and has made no forbidden call. */
    if (condition & G_IO_IN)
        condemn_for_violation(worker);
    return G_SOURCE_REMOVE;
}

/* Checks the first frame of a worker, which says that it is in its sandbox. */
static ReadOutcome accept_hello(Worker *worker, const uint8_t *data, size_t len, int64_t sent_us,
                                int *listener_fd)
{
    WorkerHello hello;

    if (len != sizeof hello)
        return READ_NONSENSE;
    memcpy(&hello, data, sizeof hello);
    if (hello.version != FORKSERVER_VERSION)
        return READ_NONSENSE;
    worker->greeted = true;
    runs_begin(worker, sent_us);
    worker->listener_fd = fd_steal(listener_fd);
    if (worker->listener_fd >= 0)
        worker->listener_source = g_unix_fd_add(worker->listener_fd, G_IO_IN, on_violation, worker);
    return READ_HELLO;
}

/* Handles a frame of a worker that has greeted: its answer to the current invocation. */
static ReadOutcome accept_answer(Worker *worker, const uint8_t *data, size_t len, int64_t ended_us)
{
    alignas(max_align_t) uint8_t body[ANSWER_BODY_MAX];
    Answer answer;
    autofd memory_fd = -1;

    if (worker->n_runs == 0 || !worker->runs[0].invocation.kind->decode(data, len, body, &answer) ||
        !is_expected(worker, &answer) || !accept_memory(worker, &answer, &memory_fd))
        return READ_NONSENSE;
    answer.memory_fd = memory_fd;
    /*
     * A thread of the worker stands at a forbidden call: an answer of its other threads is not
     * believed.
     */
    if (violation_is_pending(worker->listener_fd))
        condemn_for_violation(worker);
    /*
     * An answer that comes after the time limit still counts; an answer of a worker that broke a
     * rule does not.
     */
    if (worker->verdict != ERROR_NONE && worker->verdict != ERROR_TIMEOUT)
        return READ_NOTHING;
    if (worker->is_alone)
        store_answer(worker, data, len, ended_us);
    else
        handle_answer(worker, &answer, ended_us);
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
    return worker->greeted ? accept_answer(worker, buffer, (size_t)len, sent_us)
                           : accept_hello(worker, buffer, (size_t)len, sent_us, &listener_fd);
}

ReadOutcome answers_read(Worker *worker)
{
    ReadOutcome outcome;

    do
        outcome = read_frame(worker);
    while ((outcome == READ_RESULT || outcome == READ_HELLO) && worker->n_runs > 0 &&
           worker->socket_source);
    return outcome;
}

void answers_report_held(Worker *worker, const ProcessEnd *end)
{
    alignas(max_align_t) uint8_t body[ANSWER_BODY_MAX];
    const HeldAnswer *held = worker->held;
    Answer answer;
    bool is_read = worker->runs[0].invocation.kind->decode(held->frame, held->len, body, &answer);

    /* The frame was decoded before, when it came. */
    g_assert(is_read);
    InvocationUsage usage = answers_measure(worker, held->ended_us, end->cpu_us,
                                            MIN(answer.memory_bytes, end->memory_bytes));

    learn_duration(worker->program, usage.duration_us);
    worker->program->failures = 0;
    runs_end_first(worker, &answer, &usage, clock_monotonic_us());
    worker_free(worker);
}
