/*
 * The pool's inside, shared by its three files: pool.c (jobs, idle workers, the public face),
 * pool_worker.c (one worker's life) and pool_forkserver.c (where workers come from). Private to
 * handlers.
 */
#pragma once

#include "pool.h"
#include "process.h"

typedef struct {
    bool active;
    WireJob job;
    PoolDone done;
    void *data;
    int64_t submitted_us;
    int64_t started_us; /* the worker had the frame and was there; 0: it is still being started */
    int64_t init_us;
    int64_t cpu_before_us;
    int fds[WIRE_FDS_MAX]; /* borrowed */
    bool again;            /* its first worker has died of it, or of what came before */
} Invocation;

typedef struct {
    Pool *pool;
    Process process; /* pid 0 until the fork server has answered */
    uint32_t user;   /* uid and gid; 0: the daemon's */
    int status_fd;
    int listener_fd; /* tells of forbidden system calls; -1: not said yet, or none */
    bool greeted;    /* its WorkerHello has come: it is locked in */
    guint socket_source, exit_source, timeout_source, listener_source;
    int invocations;
    bool leaving;      /* no more work for it */
    ErrorCode verdict; /* why we killed it; ERROR_NONE: we did not */
    char verdict_message[WIRE_MESSAGE_MAX];
    int64_t idle_since_us;
    Invocation current;
} Worker;

struct Pool {
    PoolOptions options;
    Process forkserver;
    guint forkserver_source;
    GQueue starting;    /* Worker: asked for, in the order of the answers to come */
    GPtrArray *workers; /* Worker, owned: all that live */
    GQueue idle;        /* Worker: longest idle first */
    GQueue failed;      /* Invocation, owned: could not be started; reported from the main loop */
    int busy;
    int64_t used_us; /* the fork server was started, or a job ended */
    int failures;
    char *failure; /* why nothing could be started the last time */
    guint retire_source, failed_source, backoff_source;
    void (*room)(void *data);
    void *room_data;
};

/* ---- pool.c */

/* Gives the job back as handler_unavailable, from the main loop: no callback runs within
 * pool_submit. */
void pool_fail_later(Pool *pool, const Invocation *invocation);

/* Hands an invocation that counts as under way to `worker`; NULL: to a new one. */
void pool_place(Pool *pool, Worker *worker, Invocation *invocation);

/* Retires what has had nothing to do for long: workers, and the fork server with the last. */
void pool_watch_idle(Pool *pool);

/* The worker waits for its next job, and is retired if none comes. */
void pool_add_idle(Worker *worker);

/* ---- pool_worker.c */

/* The worker has been started: listens to its socket and its death. Takes `pidfd`. */
void worker_attach(Worker *worker, pid_t pid, int pidfd);

/* (Re)starts the clock that kills it. */
void worker_arm_timeout(Worker *worker);

/* It gets no more work: killed now, freed when it has been reaped. */
void worker_retire(Worker *worker);

/* Its process must have been reaped, or never have been. */
void worker_free(Worker *worker);

/* ---- pool_forkserver.c */

/* Asks for a new worker; it may be sent its first job at once. NULL if that is not possible now. */
Worker *forkserver_start_worker(Pool *pool);

/* Waits before the next try to start anything, longer each time in a row. */
void forkserver_back_off(Pool *pool);

/* Ends it; workers that live are not touched, those still awaited fail. */
void forkserver_stop(Pool *pool);
