/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one worker: its time limits and its death. */
#include "pool/pool_private.h"

#include "base/clock.h"
#include "base/file.h"
#include "handlers/forkserver.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* CPU time that cleaning up after an invocation may take, and the end of a library's threads. */
#ifdef THUMBQ_SANITIZE
/* Sanitizers check each block that is freed. */
#define IDLE_CPU_US (200 * CLOCK_US_PER_MS)
#else
#define IDLE_CPU_US (20 * CLOCK_US_PER_MS)
#endif

bool worker_is_restless(const Worker *worker)
{
    return process_cpu_us(worker->cpu_clock) - worker->cpu_us > IDLE_CPU_US;
}

int64_t worker_check_idle(Worker *worker, int64_t now_us)
{
    int64_t idle_us = now_us - worker->idle_since_us;

    if (worker->idle_check_us <= now_us) {
        if (worker_is_restless(worker)) {
            worker_retire(worker);
            return INT64_MAX;
        }
        worker->idle_check_us = now_us + MAX(idle_us, IDLE_CHECK_US);
    }
    return worker->idle_check_us;
}

void worker_condemn(Worker *worker, ErrorCode code, const char *message)
{
    process_kill(&worker->process);
    if (worker->verdict != ERROR_NONE)
        return;
    worker->verdict = code;
    g_strlcpy(worker->verdict_message, message, sizeof worker->verdict_message);
    forkserver_retire_layout(worker->pool, worker->layout);
}

/* Reads the worker's answers. A worker that hangs up or sends nonsense gets no more invocations. */
static gboolean on_worker_socket(gint fd, GIOCondition condition, gpointer data)
{
    Worker *worker = data;
    ReadOutcome outcome = answers_read(worker);

    (void)fd;
    /* Reading detects a hang-up. */
    (void)condition;
    if (outcome != READ_END && outcome != READ_NONSENSE && !worker->leaving)
        return G_SOURCE_CONTINUE;
    /* At the end of the stream the worker is about to die; its exit status says why. */
    if (outcome == READ_NONSENSE)
        worker_condemn(worker, ERROR_HANDLER_CRASHED, "it answered with a malformed frame");
    /* A worker without an invocation has no deadline that would end it if it only hung up. */
    else if (worker->n_runs == 0)
        process_kill(&worker->process);
    worker->leaving = true;
    worker->socket_source = 0;
    g_queue_remove(&worker->pool->idle, worker);
    return G_SOURCE_REMOVE;
}

/*
 * True if the invocation gets another worker. A worker that has done other invocations may have
 * died of their remains: they are done, and this invocation has a right to a worker of its own.
 */
static bool deserves_another(const Worker *worker)
{
    return worker->n_runs > 0 && worker->runs[0].done && worker->verdict == ERROR_NONE &&
           worker->invocations > 0 && !worker->runs[0].again;
}

/*
 * Rewinds the source, so that the next worker does not see how far the dead one has read. Output of
 * the dead one is gone with it: only a worker with files of its own gets no second attempt.
 */
static bool rewind_source(const Run *run)
{
    return lseek(run->invocation.source_fd, 0, SEEK_SET) == 0;
}

/* Frees a worker, and gives its only invocation to another one. */
static void run_again(Worker *worker)
{
    Pool *pool = worker->pool;
    Run run = worker->runs[0];

    worker_free(worker);
    run.again = true;
    run.submitted_us = clock_monotonic_us();
    pool_place(pool, NULL, &run);
}

/*
 * Ends the worker's first invocation with the reason for which the worker died, and frees the
 * worker.
 */
static void report_death(Worker *worker, const ProcessEnd *end)
{
    int64_t now_us = clock_monotonic_us();
    Answer answer = {.error = worker->verdict, .message = worker->verdict_message, .memory_fd = -1};

    if (worker->verdict == ERROR_NONE)
        answer.error = process_death_reason(end->wait_status, worker->verdict_message);
    /* After its greeting a worker is in its sandbox: an exit status that denies it is a lie. */
    if (answer.error == ERROR_HANDLER_UNAVAILABLE && worker->greeted)
        answer.error = ERROR_HANDLER_CRASHED;
    /* The next worker would not get into its sandbox either. */
    if (worker->n_runs > 0 && answer.error == ERROR_HANDLER_UNAVAILABLE)
        forkserver_back_off(worker->program);
    if (worker->n_runs > 0) {
        InvocationUsage usage =
            answers_measure(worker, now_us, end->cpu_us - worker->cpu_us, end->memory_bytes);
        usage.killed = worker->verdict == ERROR_NONE && WIFSIGNALED(end->wait_status) &&
                       WTERMSIG(end->wait_status) == SIGKILL;
        answer.serial = worker->runs[0].serial;
        runs_end_first(worker, &answer, &usage, now_us);
    }
    worker_free(worker);
}

/*
 * True for a death that a wrong guess of an address may have caused. SIGKILL is none: workers that
 * the pool kills for a reason are condemned already.
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

/*
 * Handles the end of the worker's process: reads its last answer, reaps it, and ends or repeats its
 * invocation.
 */
static gboolean on_worker_exit(gint fd, GIOCondition condition, gpointer data)
{
    Worker *worker = data;
    Pool *pool = worker->pool;
    ProcessEnd end;

    (void)fd;
    (void)condition;
    worker->leaving = true;
    /*
     * A result that was sent before the death still counts. The socket of a condemned worker is not
     * watched any more, so its result does not. A malformed frame at the end changes nothing.
     */
    if (worker->n_runs > 0 && worker->socket_source)
        (void)answers_read(worker);
    if (!process_reap(&worker->process, false, &end))
        return G_SOURCE_CONTINUE;
    worker->exit_source = 0;
    if (has_crashed(end.wait_status))
        forkserver_retire_layout(pool, worker->layout);
    runs_return(worker, 1, false);
    /* An invocation that was handed back in the meantime has no answer. */
    if (worker->held && worker->n_runs > 0)
        answers_report_held(worker, &end);
    else if (deserves_another(worker) && rewind_source(&worker->runs[0]))
        run_again(worker);
    else
        report_death(worker, &end);
    pool_place_waiting(pool);
    return G_SOURCE_REMOVE;
}

/* The time between two checks of an invocation's CPU time is this part of the time left. */
#define CHECKS       4
#define CHECK_MIN_US (50 * CLOCK_US_PER_MS)

/*
 * True if the invocation has time left; sets the next deadline then. The CPU time of the invocation
 * counts: on a busy machine a healthy worker waits for a processor. The time for which it may wait
 * or sleep is limited, too.
 */
static bool has_time_left(Worker *worker, int64_t used_us)
{
    const Program *program = worker->program;
    const Run *first = &worker->runs[0];
    int64_t begun_us = first->begun_us > 0 ? first->begun_us : first->submitted_us;
    int64_t until_us = begun_us + program_wall_us(program);
    int64_t left_us = program_timeout_us(program) - used_us;
    int64_t now_us = clock_monotonic_us();

    if (left_us <= 0 || now_us >= until_us)
        return false;
    worker->deadline_us = MIN(until_us, now_us + MAX(left_us / CHECKS, CHECK_MIN_US));
    return true;
}

void worker_time_out(Worker *worker)
{
    int64_t timeout_us = program_timeout_us(worker->program);
    char message[WIRE_MESSAGE_MAX];
    int64_t used_us = 0;

    if (worker->process.pid > 0)
        used_us = MAX(process_cpu_us(worker->cpu_clock) - worker->cpu_us, 0);
    if (has_time_left(worker, used_us))
        return;
    worker->deadline_us = INT64_MAX;
    worker->starved = used_us < timeout_us;
    double wall_us = (double)program_wall_us(worker->program);
    if (worker->starved)
        g_snprintf(message, sizeof message,
                   "killed after %.2f seconds, of which it took %.2f of CPU time",
                   wall_us / CLOCK_US_PER_SEC, (double)used_us / CLOCK_US_PER_SEC);
    else
        g_snprintf(message, sizeof message, "killed after %.2f seconds of CPU time",
                   (double)timeout_us / CLOCK_US_PER_SEC);
    if (worker->process.pid > 0)
        worker_condemn(worker, ERROR_TIMEOUT, message);
    /* The fork server hangs. */
    else
        process_kill(&worker->starter->process);
}

void worker_attach(Worker *worker, pid_t pid, int pidfd, int64_t started_us)
{
    worker->process.pid = pid;
    worker->process.pidfd = pidfd;
    worker->cpu_clock = process_cpu_clock(pid);
    worker->exit_source = g_unix_fd_add(pidfd, G_IO_IN, on_worker_exit, worker);
    worker->socket_source =
        g_unix_fd_add(worker->process.socket_fd, G_IO_IN | G_IO_HUP, on_worker_socket, worker);
    /*
     * Without this, GLib takes the source out of the poll for each answer and puts it back, and
     * wakes itself up both times. No callback of the daemon runs the loop.
     */
    g_source_set_can_recurse(g_main_context_find_source_by_id(NULL, worker->socket_source), TRUE);
    /* The invocation for which the worker was started could not be sent. */
    if (worker->n_runs == 0)
        worker_retire(worker);
    runs_begin(worker, started_us);
}

bool worker_lacks_memory(const Worker *worker)
{
    return worker->n_memory <= worker->n_runs;
}

int worker_send(Worker *worker, const Invocation *invocation, int memory_fd)
{
    autofd memory = memory_fd;
    uint8_t buffer[WIRE_FRAME_MAX];
    size_t len = invocation->kind->encode(invocation->order, buffer);
    int fds[WIRE_FDS_MAX] = {invocation->source_fd};
    size_t n_fds = 1;

    if (invocation->own_files) {
        g_assert(invocation->n_files < WIRE_FDS_MAX);
        memcpy(fds + 1, invocation->files, invocation->n_files * sizeof fds[0]);
        n_fds += invocation->n_files;
    } else if (memory >= 0) {
        fds[n_fds++] = memory;
    }
    WireSent sent = wire_try_send(worker->process.socket_fd, buffer, len, fds, n_fds);
    if (sent == WIRE_LATER)
        return errno;
    if (memory >= 0)
        worker->memory[worker->n_memory++] = fd_steal(&memory);
    if (sent != WIRE_SENT)
        process_kill(&worker->process);
    return 0;
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
    if (worker->held)
        g_free(worker->held->frame);
    g_free(worker->held);
    g_free(worker->group);
    g_free(worker);
}
