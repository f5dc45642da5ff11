/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the pool, shared by its six files: pool.c (idle workers, the public functions),
 * pool_place.c (which worker gets which invocation), pool_runs.c (the invocations that a worker has
 * been sent), pool_answers.c (the frames of a worker), pool_worker.c (the life of a worker) and
 * pool_forkserver.c (starts workers). Private to handlers.
 */
#pragma once

#include "base/clock.h"
#include "base/timer.h"
#include "handlers/pool.h"
#include "pool/process.h"

#include <time.h>

/*
 * The most invocations that a worker has been sent: its current invocation, and invocations that
 * wait in its socket. Fewer than the frames that the kernel keeps there (net.unix.max_dgram_qlen,
 * by default 10).
 */
#define WORKER_RUNS_MAX WIRE_MEMORY_FILES_MAX

/*
 * An idle worker is checked after this time, and again each time when it has been idle for twice as
 * long.
 */
#define IDLE_CHECK_US (CLOCK_US_PER_SEC / 2)

typedef struct {
    uint64_t serial;
    /* The pointers in it are borrowed until `done` is called. */
    Invocation invocation;
    /* NULL: the invocation was handed back, and its answer is ignored. */
    InvocationDone done;
    void *data;
    int64_t submitted_us;
    /* The worker could begin: it had the frame, and no other invocation. 0: not yet. */
    int64_t begun_us;
    int64_t init_us;
    /* The invocation's first worker has died, of this invocation or of an earlier one. */
    bool again;
    /* The machine lacked something to hand the invocation to a worker; 0: it did not. */
    int errnum;
    /* With `errnum`: the memory file was there, and could not be sent. */
    bool is_unsent;
} Run;

/* The answer of a worker that has to be reaped before the answer counts. */
typedef struct {
    /* Owned. */
    uint8_t *frame;
    size_t len;
    int64_t ended_us;
} HeldAnswer;

typedef struct Pool Pool;
typedef struct ForkServer ForkServer;

/* A handler program. */
typedef struct {
    Pool *pool;
    /* Owned. */
    char *path;
    int memory_times, timeout_times;
    /* Owned. New workers are requested from it; NULL: none. */
    ForkServer *forkserver;
    /* Mean duration of the latest invocations; 0: unknown. */
    int64_t mean_us;
    /* When the fork server was started, or an invocation ended last. */
    int64_t used_us;
    int failures;
    /* Owned. Why the last start failed. */
    char *failure;
    /* ERROR_HANDLER_UNAVAILABLE; ERROR_SHORTAGE: the machine lacked something for the start. */
    ErrorCode failure_code;
    /* No worker is started until it runs; 0: workers may be started. */
    guint backoff_source;
} Program;

/* One execution of a handler program. All workers that it makes have its layout of addresses. */
struct ForkServer {
    Program *program;
    Process process;
    guint source;
    /* Workers that were requested, in the order of the replies. */
    GQueue starting;
    /* Number of the layout, 1.. */
    uint64_t layout;
    /* Workers that were requested so far. */
    unsigned n_workers;
};

typedef struct {
    Pool *pool;
    Program *program;
    /* The fork server, until it has answered; then NULL. */
    ForkServer *starter;
    /* Layout of the fork server that makes the worker. */
    uint64_t layout;
    /* The worker ends after its current invocation: its layout is retired. */
    bool is_last;
    /* pid 0 until the fork server has answered. */
    Process process;
    /* uid and gid; 0: those of the daemon. */
    uint32_t user;
    /* Counts the CPU time of the process. */
    clockid_t cpu_clock;
    /* Reports forbidden system calls; -1: not received yet, or none. */
    int listener_fd;
    /* Keep room for the pidfd and the listener; -1: used. */
    int reserved[2];
    /* The WorkerHello was received: the worker is in its sandbox. */
    bool greeted;
    guint socket_source, exit_source, listener_source;
    int invocations;
    /* The worker gets no more invocations. */
    bool leaving;
    /* Why the pool killed the worker; ERROR_NONE: the pool did not. */
    ErrorCode verdict;
    char verdict_message[WIRE_MESSAGE_MAX];
    /* With ERROR_TIMEOUT: the worker had not used up its CPU time. */
    bool starved;
    int64_t idle_since_us;
    /* When the idle worker is checked next. */
    int64_t idle_check_us;
    /* CPU time that was charged to its invocations so far. */
    int64_t cpu_us;
    /* Deadline of the current invocation; INT64_MAX: none. */
    int64_t deadline_us;
    /* Invocations in the order in which they were sent; the first is the current one. */
    Run runs[WORKER_RUNS_MAX];
    unsigned n_runs;
    /* Memory files lent to the worker, the oldest first. */
    int memory[WIRE_MEMORY_FILES_MAX];
    unsigned n_memory;
    /* Owned. The group of all invocations of this worker. */
    char *group;
    /* Since this time the worker does invocations of its group while others wait for a worker. */
    int64_t turn_us;
    /* The worker does a single invocation, with files of its own. */
    bool is_alone;
    /* Nice value of all its invocations. */
    int nice;
    /* Owned. NULL: the worker has not answered, or may get more invocations. */
    HeldAnswer *held;
} Worker;

struct Pool {
    Executor executor;
    ExecutorOptions options;
    /* The first one, and those of `further`. */
    Program programs[PROGRAMS_MAX];
    size_t n_programs;
    /* ForkServer, owned. They get no requests any more, and still have some to answer. */
    GPtrArray *replaced;
    /* Layout numbers given out. */
    uint64_t layouts;
    /* Worker, owned. All that live. */
    GPtrArray *workers;
    /* Worker, the one that has been idle longest first. */
    GQueue idle;
    /* Run, owned. No worker has been sent them yet. */
    GQueue waiting;
    /* Run, owned. They could not be started, and are reported from the main loop. */
    GQueue failed;
    int busy;
    /* Fires at the next deadline, or when invocations that wait have to be checked. */
    GSource *timer;
    /* Until this time no invocation waits for a busy worker. */
    int64_t alone_us;
    /* A nice invocation was taken back, and none has ended since. */
    bool has_yielded;
    guint retire_source, failed_source;
};

/* The limits of a worker of the program. */

static inline int64_t program_memory_bytes(const Program *program)
{
    return program->pool->options.memory_bytes * program->memory_times;
}

static inline int64_t program_timeout_us(const Program *program)
{
    return program->pool->options.timeout_us * program->timeout_times;
}

static inline int64_t program_wall_us(const Program *program)
{
    return MAX(program->pool->options.wall_us * program->timeout_times,
               program_timeout_us(program));
}

/* Functions of pool.c. */

/*
 * Gives the invocation back from the main loop, so that no callback runs within executor_submit.
 * Its error is the one that its errnum means, or that of the last start of its program. Of the
 * first program that is always ERROR_HANDLER_UNAVAILABLE.
 */
void pool_fail_later(Pool *pool, const Run *run);

/* Retires idle workers after `idle_us`, and the fork server with the last of its program. */
void pool_watch_idle(Program *program);

/* Returns the program of an invocation. */
Program *pool_program(Pool *pool, const Invocation *invocation);

/* Makes the worker idle. It waits for its next invocation, and is retired if none comes. */
void pool_add_idle(Worker *worker);

/* Makes the timer fire at `at_us` or earlier. */
void pool_check_at(Pool *pool, int64_t at_us);

/*
 * Makes each invocation run alone for a while: none waits for a busy worker. One of the invocations
 * that were handed back has broken a rule, and only so the pool can tell which one.
 */
void pool_leave_alone(Pool *pool);

/* Functions of pool_place.c. */

/* True if another invocation may be submitted: see handlers/pool.h. */
bool pool_has_room(const Pool *pool);

/* True if a worker is idle, or another one may be started. */
bool pool_has_slot(const Pool *pool);

/*
 * Hands an invocation that is counted as busy to `worker`, as its last invocation. NULL: to a new
 * worker.
 */
void pool_place(Pool *pool, Worker *worker, Run *run);

/* Hands waiting invocations to workers, as far as there are any. Calls no InvocationDone. */
void pool_place_waiting(Pool *pool);

/* Functions of pool_runs.c. */

/* Returns the number of invocations that may wait for a busy worker of the program now. */
int runs_ahead(const Program *program);

/* True if a worker that is at an invocation may be sent another one, with at most `ahead` waiting.
 */
bool runs_may_wait(const Worker *worker, int ahead, int64_t now_us);

/* Adds an invocation that is sent to the worker. A worker that is not started yet finds it in its
 * socket.
 */
void runs_push(Worker *worker, const Run *run);

/* Begins the first invocation of a worker that was started, or entered its sandbox, at
 * `started_us`. */
void runs_begin(Worker *worker, int64_t started_us);

/*
 * Ends the current invocation of the worker. The next invocation began at `ended_us`. Calls the
 * InvocationDone last; it may submit another invocation at once.
 */
void runs_end_first(Worker *worker, const Answer *answer, const InvocationUsage *usage,
                    int64_t ended_us);

/*
 * Hands back the invocations from position `n` on; 0 is the current invocation. If the worker
 * `lives` it still does them, and their answers are ignored.
 */
void runs_return(Worker *worker, unsigned n, bool lives);

/* Hands back invocations that have waited too long. Returns when to check again; INT64_MAX: no
 * need. */
int64_t runs_check(Worker *worker, int64_t now_us);

/* Functions of pool_answers.c. */

/* Returns the cost of the worker's first invocation, with this CPU time and peak memory. */
InvocationUsage answers_measure(const Worker *worker, int64_t ended_us, int64_t cpu_us,
                                int64_t memory_bytes);

typedef enum { READ_NOTHING, READ_HELLO, READ_RESULT, READ_END, READ_NONSENSE } ReadOutcome;

/* Reads all frames in the worker's socket, as long as the worker is believed. */
ReadOutcome answers_read(Worker *worker);

/* Reports the answer of a worker that was reaped, with its final cost. Frees the worker. */
void answers_report_held(Worker *worker, const ProcessEnd *end);

/* Functions of pool_worker.c. */

/*
 * Kills the worker. Its death is reported with this error and message; those of the first call
 * count.
 */
void worker_condemn(Worker *worker, ErrorCode code, const char *message);

/*
 * Takes over a worker that was started at `started_us`: watches its socket and its death. Owner of
 * `pidfd`: the worker.
 */
void worker_attach(Worker *worker, pid_t pid, int pidfd, int64_t started_us);

/* Ends a worker whose invocation has used up its time, or sets the next deadline. */
void worker_time_out(Worker *worker);

/*
 * Checks an idle worker. A worker that uses CPU time without an invocation is retired: a hostile
 * file has taken it over. Returns when to check again; INT64_MAX: no need.
 */
int64_t worker_check_idle(Worker *worker, int64_t now_us);

/* True if an idle worker has used CPU time since its last answer. */
bool worker_is_restless(const Worker *worker);

/* Kills the worker, which gets no more invocations. It is freed when it has been reaped. */
void worker_retire(Worker *worker);

/* True if one more invocation would need another memory file: the worker has as many as
 * invocations. */
bool worker_lacks_memory(const Worker *worker);

/*
 * Sends an invocation, which is to be pushed then. Owner of `memory_fd`: the worker; -1: none.
 * Returns 0, or an errno if the machine lacks something: nothing was sent. If the invocation cannot
 * be sent for another reason, the worker is killed, and its death is the answer to the invocation.
 */
int worker_send(Worker *worker, const Invocation *invocation, int memory_fd);

/* Frees the worker, whose process must have been reaped, or not have been started. */
void worker_free(Worker *worker);

/* Functions of pool_forkserver.c. */

/*
 * Asks for a new worker of the program, for invocations of `group` with this `nice`. The worker may
 * be sent its first invocation at once. NULL if that is not possible now.
 */
Worker *forkserver_start_worker(Program *program, const char *group, int nice);

/* Delays the next start of a worker of the program, longer after each failure in a row. */
void forkserver_back_off(Program *program);

/*
 * Call it when a worker of this layout has crashed or broken a rule, as it may have guessed at
 * addresses. No more workers are made with the layout, idle ones are retired, and busy ones end
 * after their invocation.
 */
void forkserver_retire_layout(Pool *pool, uint64_t layout);

/* Removes the worker from the list of those that the fork server is to start. */
void forkserver_forget(Worker *worker);

/*
 * Ends the fork server that makes the program's workers. Live workers are not touched; those that
 * were not reported yet fail.
 */
void forkserver_end(Program *program);

/* Ends all fork servers, as forkserver_end. */
void forkserver_stop(Pool *pool);
