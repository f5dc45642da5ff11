/*
 * What the tests of the pool share: a pool of fake handlers (support/fake_handler.c), and jobs
 * whose end the test decides.
 */
#pragma once

#include "clock.h"
#include "file.h"
#include "forkserver.h"
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_US  (60 * CLOCK_US_PER_SEC)
#define SHORT_US (50 * CLOCK_US_PER_MS)

typedef struct {
    Pool *pool;
    uint64_t serial;
    unsigned done; /* jobs, in all */
    unsigned rooms;
} Fixture;

/* One job: its source is a pipe, so that the worker waits until the command is complete. */
typedef struct {
    Fixture *fixture;
    int source;  /* write end; -1: closed, the worker has its command */
    int started; /* read end: the worker's process id */
    uint64_t serial;
    WireJob wire;
    unsigned calls;
    bool handed_back;
    WireResult result;
    PoolUsage usage;
} Job;

static inline PoolOptions make_options(void)
{
    return (PoolOptions){
        .program = FAKE_HANDLER,
        .concurrency = 3,
        .max_invocations = 100,
        .patience_us = LONG_US,
        .timeout_us = LONG_US,
        .idle_us = LONG_US,
        .memory_bytes = INT64_C(1) << 30,
        .max_output_size = 1 << 20,
    };
}

static inline void count_room(void *data)
{
    Fixture *fixture = data;
    fixture->rooms++;
}

static inline void open_fixture(Fixture *fixture, const PoolOptions *options)
{
    *fixture = (Fixture){.pool = pool_new(options)};
    pool_set_room_callback(fixture->pool, count_room, fixture);
}

static inline bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Nothing of ours is left: neither running nor unreaped. */
static inline void close_fixture(Fixture *fixture)
{
    pool_free(fixture->pool);
    g_assert_false(has_children());
    g_assert_cmpint(errno, ==, ECHILD);
}

static inline void on_done(const WireResult *result, const PoolUsage *usage, void *data)
{
    Job *job = data;

    job->calls++;
    job->handed_back = !result;
    if (result) {
        g_assert_cmpuint(result->serial, ==, job->serial);
        job->result = *result;
    }
    job->usage = *usage;
    job->fixture->done++;
}

/* Hands in a job whose worker will wait for the end of its command. */
static inline void submit(Fixture *fixture, Job *job, const char *command)
{
    int source[2], started[2];
    WireJob wire = {
        .serial = ++fixture->serial,
        .max_pixels = 1,
        .max_file_size = 1,
        .max_output_size = 1,
        .max_pages = 1,
        .known_etag = {1, 2},
        .renditions = {{.name = "small", .width = 1, .height = 1, .quality = 80, .max_frames = 1}},
        .n_renditions = 1,
    };

    g_assert_cmpint(pipe2(source, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(started, O_CLOEXEC), ==, 0);
    g_assert_cmpint(write(source[1], command, strlen(command)), ==, (gssize)strlen(command));
    *job = (Job){
        .fixture = fixture, .source = source[1], .started = started[0], .serial = wire.serial};
    job->wire = wire;

    g_assert_true(pool_has_room(fixture->pool));
    int busy = pool_busy(fixture->pool);
    unsigned done = fixture->done;
    const int fds[] = {source[0], started[1]};
    pool_submit(fixture->pool, &job->wire, fds, on_done, job);
    g_assert_cmpuint(fixture->done, ==, done);
    g_assert_cmpint(pool_busy(fixture->pool), ==, busy + 1);
    close(source[0]);
    close(started[1]);
}

/* The process that works on it; waits until there is one. */
static inline pid_t worker_of(Job *job)
{
    pid_t pid = 0;

    g_assert_cmpint(read(job->started, &pid, sizeof pid), ==, sizeof pid);
    return pid;
}

static inline void release(Job *job)
{
    fd_clear(&job->source);
}

/* Waits for its end; a job that is handed back has ended, too. */
static inline void wait_for(Job *job)
{
    while (job->calls == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(job->calls, ==, 1);
    fd_clear(&job->source);
    fd_clear(&job->started);
}

static inline void run(Fixture *fixture, Job *job, const char *command)
{
    submit(fixture, job, command);
    release(job);
    wait_for(job);
}

static inline pid_t run_well(Fixture *fixture)
{
    Job job;

    run(fixture, &job, "ok");
    g_assert_cmpint(job.result.error, ==, ERROR_NONE);
    return job.result.facts.width;
}

static inline void wait_for_room(Fixture *fixture)
{
    while (!pool_has_room(fixture->pool))
        g_main_context_iteration(NULL, TRUE);
}
