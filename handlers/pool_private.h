/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool's inside, shared by its five files: pool.c (idle workers, the public face), pool_place.c
 * (which worker gets which job), pool_jobs.c (the jobs that a worker has been sent), pool_worker.c
 * (one worker's life) and pool_forkserver.c (where workers come from). Private to handlers.
 */
#pragma once

#include "alarm.h"
#include "clock.h"
#include "pool.h"
#include "process.h"

#include <time.h>

/*
 * What a worker can have been sent: the job that it is at, and those that wait in its socket. Fewer
 * than the kernel keeps frames there (net.unix.max_dgram_qlen, 10 as it comes).
 */
#define WORKER_JOBS_MAX WIRE_MEMORY_FILES_MAX

/* After this an idle worker is looked after, and then each time when it has been idle for twice as
 * long. */
#define IDLE_LOOK_US (CLOCK_US_PER_SEC / 2)

typedef struct {
    uint64_t serial;
    PoolJob job;   /* borrowed until `done` is called */
    PoolDone done; /* NULL: handed back, its answer is not listened to */
    void *data;
    int64_t submitted_us;
    int64_t
        begun_us; /* the worker could begin: the frame was there, and no other job; 0: not yet */
    int64_t init_us;
    bool again; /* its first worker has died of it, or of what came before */
    int errnum; /* why there is no memory file for it; 0: that is not what failed */
} Invocation;

/* The answer of a worker that is to be reaped before it counts. */
typedef struct {
    WireResult result;
    int64_t ended_us;
} HeldAnswer;

/* One execution of the handler program. All workers that it makes have its layout of addresses. */
typedef struct {
    Pool *pool;
    Process process;
    guint source;
    GQueue starting;    /* Worker: asked for, in the order of the answers to come */
    uint64_t layout;    /* its number; 1.. */
    unsigned n_workers; /* that were asked for so far */
} ForkServer;

typedef struct {
    Pool *pool;
    ForkServer *starter; /* while its fork server has not answered; else NULL */
    uint64_t layout;     /* of the fork server that makes it */
    bool is_last;        /* the job that it is at is its last: the layout is given up */
    Process process;     /* pid 0 until the fork server has answered */
    uint32_t user;       /* uid and gid; 0: the daemon's */
    clockid_t cpu_clock; /* of the process */
    int listener_fd;     /* tells of forbidden system calls; -1: not said yet, or none */
    int reserved[2];     /* keep room for the pidfd and the listener to come; -1: used */
    bool greeted;        /* its WorkerHello has come: it is locked in */
    guint socket_source, exit_source, listener_source;
    int invocations;
    bool leaving;      /* no more work for it */
    ErrorCode verdict; /* why we killed it; ERROR_NONE: we did not */
    char verdict_message[WIRE_MESSAGE_MAX];
    bool starved; /* with ERROR_TIMEOUT: it had not used up its CPU time */
    int64_t idle_since_us;
    int64_t idle_look_us;             /* when it is looked after next, while it is idle */
    int64_t cpu_us;                   /* what its jobs so far have been told of */
    int64_t deadline_us;              /* of the job that it is at; INT64_MAX: none */
    Invocation jobs[WORKER_JOBS_MAX]; /* as they were sent: it is at the first */
    unsigned n_jobs;
    int memory[WIRE_MEMORY_FILES_MAX]; /* memory files it has been lent, the oldest first */
    unsigned n_memory;
    char *group;      /* owned: of all jobs that it has seen and will see */
    int64_t turn_us;  /* since then it does its group's jobs while others wait for a worker */
    bool is_alone;    /* for a single job, with files of its own */
    HeldAnswer *held; /* owned; NULL: it has not answered, or others than this are to come */
} Worker;

struct Pool {
    PoolOptions options;
    ForkServer *forkserver; /* owned: of which workers are asked for; NULL: none */
    GPtrArray *replaced;    /* ForkServer, owned: still to answer what they were asked for */
    uint64_t layouts;       /* numbers given out */
    GPtrArray *workers;     /* Worker, owned: all that live */
    GQueue idle;            /* Worker: longest idle first */
    GQueue waiting;         /* Invocation, owned: no worker has been sent it yet */
    GQueue failed; /* Invocation, owned: could not be started; reported from the main loop */
    int busy;
    GSource *alarm;   /* the next deadline, or time to look after jobs that wait */
    int64_t mean_us;  /* what a job takes, of late; 0: not known */
    int64_t alone_us; /* until then no job waits for a worker that is at another */
    int64_t used_us;  /* the fork server was started, or a job ended */
    int failures;
    char *failure; /* why nothing could be started the last time */
    guint retire_source, failed_source, backoff_source;
    void (*room)(void *data);
    void *room_data;
};

/* ---- pool.c */

/* Gives the job back as handler_unavailable, or as what its errnum means, from the main loop: no
 * callback runs within pool_submit. */
void pool_fail_later(Pool *pool, const Invocation *invocation);

/* Retires what has had nothing to do for long: workers, and the fork server with the last. */
void pool_watch_idle(Pool *pool);

/* The worker waits for its next job, and is retired if none comes. */
void pool_add_idle(Worker *worker);

/* Has the alarm ring at `at_us` or earlier. */
void pool_look_again(Pool *pool, int64_t at_us);

/* For a while no job waits for a worker that is at another: one of those that were handed back has
 * broken a rule, and only of a job that is alone it can be told which one. */
void pool_leave_alone(Pool *pool);

/* ---- pool_place.c */

/* True if a worker is idle, or another one may be started. */
bool pool_has_slot(const Pool *pool);

/* Hands an invocation that counts as under way to `worker`, as its last; NULL: to a new one. */
void pool_place(Pool *pool, Worker *worker, Invocation *invocation);

/* Hands waiting jobs to workers, as far as there are any. Calls no PoolDone. */
void pool_place_waiting(Pool *pool);

/* ---- pool_jobs.c */

/* Jobs that may wait for a worker now. */
int jobs_ahead(const Pool *pool);

/* True if a worker that is at a job may be sent another one, with at most `ahead` that wait. */
bool jobs_may_wait(const Worker *worker, int ahead, int64_t now_us);

/* Adds a job that the worker has been sent, or finds when it is there. */
void jobs_push(Worker *worker, const Invocation *invocation);

/* The worker is there since `started_us`, or locked in since then: it begins with its first job. */
void jobs_begin(Worker *worker, int64_t started_us);

/*
 * Ends the job that the worker was at, `ended_us` ago or just now; the next one has begun then.
 * The callback is called last, and may submit another job at once.
 */
void jobs_end_first(Worker *worker, const WireResult *result, const PoolUsage *usage,
                    int64_t ended_us);

/* Hands back the jobs from the n-th on, 0 is the one that the worker is at; it has ended, or will
 * do them for nothing if it `lives`. */
void jobs_hand_back(Worker *worker, unsigned n, bool lives);

/* Hands back what waits too long. Returns when to look again; INT64_MAX: not for this. */
int64_t jobs_look_after(Worker *worker, int64_t now_us);

/* ---- pool_worker.c */

/* The worker was started at `started_us`: listens to its socket and its death. Takes `pidfd`. */
void worker_attach(Worker *worker, pid_t pid, int pidfd, int64_t started_us);

/* Its job takes too long. */
void worker_time_out(Worker *worker);

/*
 * Looks after an idle worker. One that works although it has nothing to do is retired: it has been
 * taken over. Returns when to look again; INT64_MAX: not for this.
 */
int64_t worker_look_after_idle(Worker *worker, int64_t now_us);

/* True if an idle worker has worked since its last answer. */
bool worker_is_restless(const Worker *worker);

/* It gets no more work: killed now, freed when it has been reaped. */
void worker_retire(Worker *worker);

/* True if one more job would find no memory file: there are as many as jobs. */
bool worker_lacks_memory(const Worker *worker);

/* Sends it the job that was pushed last, and takes `memory_fd` for it; -1: none. If the job cannot
 * be sent the worker is dying: its death will be the job's answer. */
void worker_send(Worker *worker, int memory_fd);

/* Its process must have been reaped, or never have been. */
void worker_free(Worker *worker);

/* ---- pool_forkserver.c */

/* Asks for a new worker for jobs of `group`; it may be sent its first job at once. NULL if that is
 * not possible now. */
Worker *forkserver_start_worker(Pool *pool, const char *group);

/* Waits before the next try to start anything, longer each time in a row. */
void forkserver_back_off(Pool *pool);

/*
 * A worker of this layout has crashed or broken a rule, and may have guessed at addresses: no
 * worker is made with it any more, those that are idle are retired, and those that are at work
 * end with their job.
 */
void forkserver_give_up_layout(Pool *pool, uint64_t layout);

/* The worker is awaited no more. */
void forkserver_forget(Worker *worker);

/* Ends them; workers that live are not touched, those still awaited fail. */
void forkserver_stop(Pool *pool);
