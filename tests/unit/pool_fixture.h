/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the pool share: a pool of fake handlers (support/fake_handler.c), and jobs
 * whose end the test decides.
 */
#pragma once

#include "clock.h"
#include "file.h"
#include "forkserver.h"
#include "output.h"
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_US  (60 * CLOCK_US_PER_SEC)
#define SHORT_US (50 * CLOCK_US_PER_MS)

typedef struct {
    Pool *pool;
    uint64_t serial;
    unsigned done; /* jobs, in all */
    unsigned rooms;
    bool ignores_room; /* jobs are submitted whether or not there is room */
} Fixture;

/* One job: its source is a socket, so that the worker waits until the command is complete, and says
 * who it is. */
typedef struct {
    Fixture *fixture;
    int source; /* our end; -1: closed */
    int theirs; /* the end that the worker gets, kept as it may be sent once more */
    uint64_t serial;
    WireJob wire;
    int file;        /* of its thumbnail, where it has one; -1 */
    char *thumbnail; /* owned: as it came out; NULL: none */
    int seals;       /* of the memory file that it came out of; -1: none */
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

/* The bytes of the first thumbnail, as text. Owner: the caller. */
static inline char *take_thumbnail(Job *job, const WireResult *result)
{
    char text[64] = {0};
    autofd copy = job->file >= 0 ? -1 : memfd_create("copy", MFD_CLOEXEC);

    if (job->file < 0)
        g_assert_cmpint(output_copy(result, 0, copy), ==, 0);
    g_assert_cmpint(pread(job->file < 0 ? copy : job->file, text, sizeof text - 1, 0), >=, 0);
    return g_strdup(text);
}

static inline void on_done(const WireResult *result, const PoolUsage *usage, void *data)
{
    Job *job = data;

    job->calls++;
    job->handed_back = !result;
    if (result) {
        g_assert_cmpuint(result->serial, ==, job->serial);
        job->result = *result;
        job->seals = fcntl(result->memory_fd, F_GET_SEALS);
        if (result->n_thumbnails > 0)
            job->thumbnail = take_thumbnail(job, result);
    }
    job->usage = *usage;
    job->fixture->done++;
}

/* Hands in a job of `group` whose worker will wait for the end of its command. */
static inline void submit_to(Fixture *fixture, Job *job, const char *command, const char *group,
                             bool own_files)
{
    int source[2];
    WireJob wire = {
        .serial = ++fixture->serial,
        .max_pixels = 1,
        .max_file_size = 1,
        .max_output_size = 1 << 20,
        .max_pages = 1,
        .own_files = own_files,
        .known_etag = {1, 2},
        .renditions = {{.name = "small", .width = 1, .height = 1, .quality = 80, .max_frames = 1}},
        .n_renditions = 1,
    };

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, source), ==, 0);
    g_assert_cmpint(write(source[1], command, strlen(command)), ==, (gssize)strlen(command));
    *job = (Job){.fixture = fixture, .source = source[1], .serial = wire.serial, .file = -1};
    job->wire = wire;
    if (own_files)
        job->file = memfd_create("thumbnail", MFD_CLOEXEC);

    g_assert_true(fixture->ignores_room || pool_has_room(fixture->pool));
    int busy = pool_busy(fixture->pool);
    unsigned done = fixture->done;
    const PoolJob work = {
        .wire = &job->wire, .source_fd = source[0], .files = &job->file, .group = group};
    pool_submit(fixture->pool, &work, on_done, job);
    g_assert_cmpuint(fixture->done, ==, done);
    g_assert_cmpint(pool_busy(fixture->pool), ==, busy + 1);
    job->theirs = source[0];
}

static inline void submit(Fixture *fixture, Job *job, const char *command)
{
    submit_to(fixture, job, command, "", false);
}

/* The process that works on it; waits until there is one. */
static inline pid_t worker_of(Job *job)
{
    pid_t pid = 0;

    g_assert_cmpint(read(job->source, &pid, sizeof pid), ==, sizeof pid);
    return pid;
}

static inline void release(Job *job)
{
    (void)shutdown(job->source, SHUT_WR);
}

/* Of a job that has ended, or never will. */
static inline void forget(Job *job)
{
    fd_clear(&job->source);
    fd_clear(&job->theirs);
    fd_clear(&job->file);
    g_clear_pointer(&job->thumbnail, g_free);
}

/* Waits for its end; a job that is handed back has ended, too. */
static inline void wait_for(Job *job)
{
    while (job->calls == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(job->calls, ==, 1);
    forget(job);
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
