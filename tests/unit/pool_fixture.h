/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture of the tests of the pool: a pool of fake handlers (support/fake_handler.c), and jobs
 * whose end the test decides. */
#pragma once

#include "base/clock.h"
#include "base/file.h"
#include "handlers/forkserver.h"
#include "handlers/memory_output.h"
#include "handlers/pool.h"
#include "handlers/thumbnail_kind.h"

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
    Executor *pool;
    uint64_t serial;
    /* Number of jobs that have ended. */
    unsigned done;
    unsigned rooms;
    /* Jobs are submitted even if there is no room. */
    bool ignores_room;
    /* Handler program of the next jobs. */
    size_t program;
} Fixture;

/* One job. Its source is a socket, so that the worker waits until the command is complete, and
 * tells its process id. */
typedef struct {
    Fixture *fixture;
    /* The test's end of the socket; -1: closed. */
    int source;
    /* The worker's end, kept because the pool may send it again. */
    int theirs;
    uint64_t serial;
    ThumbnailOrder order;
    /* File of the thumbnail; -1: none. */
    int file;
    /* First thumbnail as it arrived, owned; NULL: none. */
    char *thumbnail;
    /* Seals of the memory file that had the thumbnail; -1: there was none. */
    int seals;
    unsigned calls;
    bool handed_back;
    /* No worker could be started. */
    bool start_failed;
    WireResult result;
    InvocationUsage usage;
} Job;

static inline ExecutorOptions make_options(void)
{
    return (ExecutorOptions){
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

static inline void open_fixture(Fixture *fixture, const ExecutorOptions *options)
{
    *fixture = (Fixture){.pool = pool_new(options)};
    executor_set_room_callback(fixture->pool, count_room, fixture);
}

static inline bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Asserts that no child is left, running or unreaped. */
static inline void close_fixture(Fixture *fixture)
{
    executor_free(fixture->pool);
    g_assert_false(has_children());
    g_assert_cmpint(errno, ==, ECHILD);
}

/* Returns the bytes of the first thumbnail, as text. Owner: the caller frees. */
static inline char *take_thumbnail(Job *job, const WireResult *result)
{
    char text[64] = {0};
    autofd copy = job->file >= 0 ? -1 : memfd_create("copy", MFD_CLOEXEC);

    if (job->file < 0)
        g_assert_cmpint(output_copy(result, 0, copy), ==, 0);
    g_assert_cmpint(pread(job->file < 0 ? copy : job->file, text, sizeof text - 1, 0), >=, 0);
    return g_strdup(text);
}

static inline void on_done(const Answer *answer, const InvocationUsage *usage, void *data)
{
    Job *job = data;

    job->calls++;
    job->handed_back = !answer;
    if (answer) {
        g_assert_cmpuint(answer->serial, ==, job->serial);
        thumbnail_result(answer, &job->result);
        job->start_failed = answer->start_failed;
        job->seals = fcntl(answer->memory_fd, F_GET_SEALS);
        if (answer->has_output)
            job->thumbnail = take_thumbnail(job, &job->result);
    }
    job->usage = *usage;
    job->fixture->done++;
}

/* Submits a job of `group` with this `nice`. Its worker waits for the end of the command. */
static inline void submit_nice(Fixture *fixture, Job *job, const char *command, const char *group,
                               bool own_files, int nice)
{
    int source[2];
    WireOrder wire = {
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
    job->order.wire = wire;
    if (own_files)
        job->file = memfd_create("thumbnail", MFD_CLOEXEC);

    g_assert_true(fixture->ignores_room || executor_has_room(fixture->pool));
    int busy = executor_busy(fixture->pool);
    unsigned done = fixture->done;
    const Invocation work = {.serial = wire.serial,
                             .kind = &thumbnail_kind,
                             .order = &job->order,
                             .source_fd = source[0],
                             .own_files = own_files,
                             .files = &job->file,
                             .n_files = 1,
                             .group = group,
                             .program = fixture->program,
                             .nice = nice};
    executor_submit(fixture->pool, &work, on_done, job);
    g_assert_cmpuint(fixture->done, ==, done);
    g_assert_cmpint(executor_busy(fixture->pool), ==, busy + 1);
    job->theirs = source[0];
}

static inline void submit_to(Fixture *fixture, Job *job, const char *command, const char *group,
                             bool own_files)
{
    submit_nice(fixture, job, command, group, own_files, 0);
}

static inline void submit(Fixture *fixture, Job *job, const char *command)
{
    submit_to(fixture, job, command, "", false);
}

/* Waits until a process works on the job, and returns its id. */
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

/* Frees a job that has ended or that never will. */
static inline void forget(Job *job)
{
    fd_clear(&job->source);
    fd_clear(&job->theirs);
    fd_clear(&job->file);
    g_clear_pointer(&job->thumbnail, g_free);
}

/* Waits for the end of the job. A job that is handed back has ended, too. */
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
    while (!executor_has_room(fixture->pool))
        g_main_context_iteration(NULL, TRUE);
}
