/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture of the tests of the pool: a pool of fake handlers (support/fake_handler.c), and
 * invocations whose end the test decides. */
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
    /* Number of invocations that have ended. */
    unsigned done;
    unsigned rooms;
    /* Invocations are submitted even if there is no room. */
    bool ignores_room;
    /* Handler program of the next invocations. */
    size_t program;
} Fixture;

/* An invocation. Its source is a socket, so that the worker waits until the command is complete,
 * and tells its process id. */
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
} TestInvocation;

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
static inline char *read_thumbnail(TestInvocation *invocation, const WireResult *result)
{
    char text[64] = {0};
    autofd copy = invocation->file >= 0 ? -1 : memfd_create("copy", MFD_CLOEXEC);

    if (invocation->file < 0)
        g_assert_cmpint(output_copy(result, 0, copy), ==, 0);
    g_assert_cmpint(pread(invocation->file < 0 ? copy : invocation->file, text, sizeof text - 1, 0),
                    >=, 0);
    return g_strdup(text);
}

static inline void on_done(const Answer *answer, const InvocationUsage *usage, void *data)
{
    TestInvocation *invocation = data;

    invocation->calls++;
    invocation->handed_back = !answer;
    if (answer) {
        g_assert_cmpuint(answer->serial, ==, invocation->serial);
        thumbnail_result(answer, &invocation->result);
        invocation->start_failed = answer->start_failed;
        invocation->seals = fcntl(answer->memory_fd, F_GET_SEALS);
        if (answer->has_output)
            invocation->thumbnail = read_thumbnail(invocation, &invocation->result);
    }
    invocation->usage = *usage;
    invocation->fixture->done++;
}

/* Submits an invocation of `group` with this `nice`. Its worker waits for the end of the command.
 */
static inline void submit_nice(Fixture *fixture, TestInvocation *invocation, const char *command,
                               const char *group, bool own_files, int nice)
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
    *invocation = (TestInvocation){
        .fixture = fixture, .source = source[1], .serial = wire.serial, .file = -1};
    invocation->order.wire = wire;
    if (own_files)
        invocation->file = memfd_create("thumbnail", MFD_CLOEXEC);

    g_assert_true(fixture->ignores_room || executor_has_room(fixture->pool));
    int busy = executor_busy(fixture->pool);
    unsigned done = fixture->done;
    const Invocation work = {.serial = wire.serial,
                             .kind = &thumbnail_kind,
                             .order = &invocation->order,
                             .source_fd = source[0],
                             .own_files = own_files,
                             .files = &invocation->file,
                             .n_files = 1,
                             .group = group,
                             .program = fixture->program,
                             .nice = nice};
    executor_submit(fixture->pool, &work, on_done, invocation);
    g_assert_cmpuint(fixture->done, ==, done);
    g_assert_cmpint(executor_busy(fixture->pool), ==, busy + 1);
    invocation->theirs = source[0];
}

static inline void submit_to(Fixture *fixture, TestInvocation *invocation, const char *command,
                             const char *group, bool own_files)
{
    submit_nice(fixture, invocation, command, group, own_files, 0);
}

static inline void submit(Fixture *fixture, TestInvocation *invocation, const char *command)
{
    submit_to(fixture, invocation, command, "", false);
}

/* Waits until a process works on the invocation, and returns its id. */
static inline pid_t worker_of(TestInvocation *invocation)
{
    pid_t pid = 0;

    g_assert_cmpint(read(invocation->source, &pid, sizeof pid), ==, sizeof pid);
    return pid;
}

static inline void release(TestInvocation *invocation)
{
    (void)shutdown(invocation->source, SHUT_WR);
}

/* Frees an invocation that has ended or that never will. */
static inline void forget(TestInvocation *invocation)
{
    fd_clear(&invocation->source);
    fd_clear(&invocation->theirs);
    fd_clear(&invocation->file);
    g_clear_pointer(&invocation->thumbnail, g_free);
}

/* Waits for the end of the invocation. An invocation that is handed back has ended, too. */
static inline void wait_for(TestInvocation *invocation)
{
    while (invocation->calls == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(invocation->calls, ==, 1);
    forget(invocation);
}

static inline void run(Fixture *fixture, TestInvocation *invocation, const char *command)
{
    submit(fixture, invocation, command);
    release(invocation);
    wait_for(invocation);
}

static inline pid_t run_well(Fixture *fixture)
{
    TestInvocation invocation;

    run(fixture, &invocation, "ok");
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    return invocation.result.facts.width;
}

static inline void wait_for_room(Fixture *fixture)
{
    while (!executor_has_room(fixture->pool))
        g_main_context_iteration(NULL, TRUE);
}
