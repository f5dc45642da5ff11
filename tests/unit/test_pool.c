/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool against a handler that misbehaves on demand (support/fake_handler.c): whatever it does,
 * every job ends in exactly one PoolDone, with the error that it means.
 */
#include "pool_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- one job ------------------------------------------------------------------------------------
 */

typedef struct {
    const char *name;
    const char *command;
    ErrorCode error;
    bool same_worker; /* it is good enough for the next job */
} DeedCase;

static const DeedCase deeds[] = {
    {"well", "ok", ERROR_NONE, true},
    {"unchanged", "unchanged", ERROR_NONE, true},
    {"by-memory", "memory", ERROR_NONE, true},
    {"more-than-is-in-memory", "memory 1", ERROR_HANDLER_CRASHED, false},
    {"memory-that-it-holds", "memory-mapped", ERROR_HANDLER_CRASHED, false},
    {"unchanged-of-another-hash", "unchanged 1", ERROR_HANDLER_CRASHED, false},
    {"wrong-type", "type 3", ERROR_HANDLER_CRASHED, false},
    {"lines-of-a-log", "message", ERROR_HANDLER_CRASHED, false},
    {"damaged", "damaged", ERROR_NONE, false},
    {"not-an-image", "error 1", ERROR_NOT_AN_IMAGE, true},
    {"unsupported-type", "error 2", ERROR_UNSUPPORTED_TYPE, true},
    {"does-not-decode", "error 3", ERROR_DAMAGED, false},
    {"too-many-pixels", "error 4", ERROR_TOO_MANY_PIXELS, false},
    {"error-of-a-command", "error 100", ERROR_HANDLER_CRASHED, false},
    {"error-unknown", "error 55", ERROR_HANDLER_CRASHED, false},
    {"wrong-serial", "wrong-serial", ERROR_HANDLER_CRASHED, false},
    {"wrong-count", "wrong-count", ERROR_HANDLER_CRASHED, false},
    {"garbage", "garbage", ERROR_HANDLER_CRASHED, false},
    {"garbage-then-answer", "garbage-ok", ERROR_HANDLER_CRASHED, false},
    {"too-long", "too-long", ERROR_HANDLER_CRASHED, false},
    {"descriptor", "descriptor", ERROR_HANDLER_CRASHED, false},
    {"exit-ok", "exit 0", ERROR_HANDLER_CRASHED, false},
    {"exit-1", "exit 1", ERROR_HANDLER_CRASHED, false},
    {"exit-memory", "exit 71", ERROR_OUT_OF_MEMORY, false},
    {"exit-sandbox-late", "exit 70", ERROR_HANDLER_CRASHED, false},
    {"exit-protocol", "exit 72", ERROR_HANDLER_CRASHED, false},
    {"segfault", "signal 11", ERROR_HANDLER_CRASHED, false},
    {"bus-error", "signal 7", ERROR_SOURCE_CHANGED, false},
    {"sandbox-violation", "signal 31", ERROR_SANDBOX_VIOLATION, false},
    {"violation-beside-answer", "violation", ERROR_SANDBOX_VIOLATION, false},
    {"killed", "signal 9", ERROR_HANDLER_CRASHED, false},
    {"cpu-time", "signal 24", ERROR_TIMEOUT, false},
    {"output-size", "signal 25", ERROR_OUTPUT_TOO_LARGE, false},
};

/* The same as the first job and as one of a worker that is there already. */
static void test_deed(const void *data)
{
    const DeedCase *row = data;

    for (int warm = 0; warm <= 1; warm++) {
        PoolOptions options = make_options();
        Fixture fixture;
        Job job;

        options.concurrency = 1;
        open_fixture(&fixture, &options);
        pid_t before = warm ? run_well(&fixture) : 0;
        submit(&fixture, &job, row->command);
        pid_t pid = worker_of(&job);
        release(&job);
        wait_for(&job);
        if (warm)
            g_assert_cmpint(pid, ==, before);
        g_assert_cmpint(job.result.error, ==, row->error);
        if (row->error != ERROR_NONE)
            g_assert_cmpuint(strlen(job.result.message), >, 5);
        g_assert_cmpint(pool_busy(fixture.pool), ==, 0);

        wait_for_room(&fixture);
        pid_t next = run_well(&fixture);
        if (row->same_worker)
            g_assert_cmpint(next, ==, pid);
        else
            g_assert_cmpint(next, !=, pid);
        g_assert_cmpuint(fixture.done, ==, warm ? 3 : 2);
        close_fixture(&fixture);
    }
}

typedef struct {
    const char *name;
    const char *command;
    bool release;
} TimeoutCase;

static const TimeoutCase timeouts[] = {
    {"no-answer", "ok", false},
    {"stopped", "signal 19", true},
    {"socket-closed", "close", true},
};

static void test_timeout(const void *data)
{
    const TimeoutCase *row = data;
    PoolOptions options = make_options();
    Fixture fixture;
    Job job;

    options.timeout_us = 4 * SHORT_US;
    open_fixture(&fixture, &options);
    submit(&fixture, &job, row->command);
    if (row->release)
        release(&job);
    wait_for(&job);
    g_assert_cmpint(job.result.error, ==, ERROR_TIMEOUT);
    g_assert_nonnull(strstr(job.result.message, "0.20 seconds"));
    g_assert_cmpint(job.usage.duration_us, >=, options.timeout_us - CLOCK_US_PER_MS);
    close_fixture(&fixture);
}

static gboolean end_wait(gpointer data)
{
    *(bool *)data = true;
    return G_SOURCE_REMOVE;
}

/* A job that gets no processor for longer than its CPU time may be is none the worse. */
static void test_timeout_waits_for_cpu(void)
{
    PoolOptions options = make_options();
    Fixture fixture;
    Job job;
    bool is_over = false;

    options.timeout_us = 2 * SHORT_US;
    options.wall_us = LONG_US;
    open_fixture(&fixture, &options);
    submit(&fixture, &job, "ok");
    g_timeout_add(6 * SHORT_US / 1000, end_wait, &is_over);
    while (!is_over)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(job.calls, ==, 0);
    release(&job);
    wait_for(&job);
    g_assert_cmpint(job.result.error, ==, ERROR_NONE);
    close_fixture(&fixture);
}

/* It may not sleep for ever. */
static void test_timeout_of_a_sleeper(void)
{
    PoolOptions options = make_options();
    Fixture fixture;
    Job job;

    options.timeout_us = 2 * SHORT_US;
    options.wall_us = 6 * SHORT_US;
    open_fixture(&fixture, &options);
    submit(&fixture, &job, "ok");
    wait_for(&job);
    g_assert_cmpint(job.result.error, ==, ERROR_TIMEOUT);
    g_assert_true(job.usage.starved);
    g_assert_cmpint(job.usage.duration_us, >=, options.wall_us - CLOCK_US_PER_MS);
    close_fixture(&fixture);
}

static void test_timeout_of_a_spinner(void)
{
    PoolOptions options = make_options();
    Fixture fixture;
    Job job;

    options.timeout_us = 2 * SHORT_US;
    options.wall_us = LONG_US;
    open_fixture(&fixture, &options);
    run(&fixture, &job, "spin");
    g_assert_cmpint(job.result.error, ==, ERROR_TIMEOUT);
    g_assert_false(job.usage.starved);
    g_assert_cmpint(job.usage.cpu_us, >=, options.timeout_us);
    close_fixture(&fixture);
}

static void test_usage(void)
{
    PoolOptions options = make_options();
    Fixture fixture;
    Job cold, warm;

    open_fixture(&fixture, &options);
    run(&fixture, &cold, "ok");
    run(&fixture, &warm, "ok");
    g_assert_cmpint(cold.usage.init_us, >, 0);
    g_assert_cmpint(warm.usage.init_us, ==, 0);
    for (size_t i = 0; i < 2; i++) {
        const PoolUsage *usage = i == 0 ? &cold.usage : &warm.usage;
        g_assert_cmpint(usage->duration_us, >, 0);
        g_assert_cmpint(usage->cpu_us, >=, 0);
        g_assert_cmpint(usage->memory_bytes, >, 0);
    }
    close_fixture(&fixture);
}

/*
 * What a worker does after its answer costs it its life, and no job: a second answer, a death, or
 * to hang up and live on, where no limit would hold it any more.
 */
static void test_afterwards(const void *data)
{
    PoolOptions options = make_options();
    Fixture fixture;
    Job job;

    open_fixture(&fixture, &options);
    run(&fixture, &job, data);
    g_assert_cmpint(job.result.error, ==, ERROR_NONE);
    while (kill(job.result.facts.width, 0) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_well(&fixture), !=, job.result.facts.width);
    g_assert_cmpuint(fixture.done, ==, 2);
    close_fixture(&fixture);
}

/* ---- many jobs ----------------------------------------------------------------------------------
 */

static void test_growth(void)
{
    PoolOptions options = make_options();
    Fixture fixture;
    Job jobs[3];
    pid_t pids[3];

    open_fixture(&fixture, &options);
    pid_t first = run_well(&fixture);
    g_assert_cmpint(run_well(&fixture), ==, first);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        submit(&fixture, &jobs[i], "ok");
        pids[i] = worker_of(&jobs[i]);
        g_assert_cmpint(pool_has_room(fixture.pool), ==, i < 2);
    }
    g_assert_cmpint(pids[0], ==, first);
    g_assert_cmpint(pids[1], !=, first);
    g_assert_cmpint(pids[2], !=, first);
    g_assert_cmpint(pids[2], !=, pids[1]);

    /* In any order. */
    release(&jobs[1]);
    wait_for(&jobs[1]);
    g_assert_true(pool_has_room(fixture.pool));
    g_assert_cmpint(jobs[1].result.facts.width, ==, pids[1]);
    g_assert_cmpint(run_well(&fixture), ==, pids[1]);
    release(&jobs[2]);
    release(&jobs[0]);
    wait_for(&jobs[0]);
    wait_for(&jobs[2]);
    g_assert_cmpint(pool_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

static void test_replaced(void)
{
    PoolOptions options = make_options();
    Fixture fixture;
    pid_t pids[4];

    options.max_invocations = 2;
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(pids); i++)
        pids[i] = run_well(&fixture);
    g_assert_cmpint(pids[0], ==, pids[1]);
    g_assert_cmpint(pids[1], !=, pids[2]);
    g_assert_cmpint(pids[2], ==, pids[3]);
    close_fixture(&fixture);
}

/* Idle workers go, and the fork server with the last; the next job starts anew. */
static void test_retired(const void *data)
{
    PoolOptions options = make_options();
    Fixture fixture;
    Job jobs[2];

    options.idle_us = SHORT_US;
    options.max_invocations = GPOINTER_TO_INT(data);
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++)
        submit(&fixture, &jobs[i], "ok");
    for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
        release(&jobs[i]);
        wait_for(&jobs[i]);
    }
    g_assert_true(has_children());
    while (has_children())
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_well(&fixture), !=, jobs[0].result.facts.width);
    close_fixture(&fixture);
}

/* Without those that the pool backs off from. */
static const DeedCase *pick_deed(size_t i)
{
    const DeedCase *deed = &deeds[i % G_N_ELEMENTS(deeds)];

    return deed->error != ERROR_HANDLER_UNAVAILABLE ? deed : &deeds[0];
}

/* Hundreds of jobs, of all sorts, as many at a time as there is room for. */
static void test_storm(void)
{
    enum { N = 300 };
    PoolOptions options = make_options();
    g_autofree Job *jobs = g_new0(Job, N);
    Fixture fixture;

    options.max_invocations = 7;
    options.idle_us = SHORT_US;
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < N; i++) {
        wait_for_room(&fixture);
        submit(&fixture, &jobs[i], pick_deed(i)->command);
        release(&jobs[i]);
    }
    for (size_t i = 0; i < N; i++) {
        wait_for(&jobs[i]);
        g_assert_cmpint(jobs[i].result.error, ==, pick_deed(i)->error);
    }
    g_assert_cmpuint(fixture.done, ==, N);
    g_assert_cmpint(pool_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

/* ---- the end ------------------------------------------------------------------------------------
 */

static void test_free_idle(void)
{
    PoolOptions options = make_options();
    Fixture fixture;

    open_fixture(&fixture, &options);
    close_fixture(&fixture);
    open_fixture(&fixture, &options);
    run_well(&fixture);
    close_fixture(&fixture);
    pool_free(NULL);
}

/*
 * With jobs at every stage: at work, and just asked for. In the latter case the fork server's
 * answer has not been read, and may not have been written.
 */
static void test_free_busy(void)
{
    for (int round = 0; round < 20; round++) {
        PoolOptions options = make_options();
        Fixture fixture;
        Job jobs[3];

        open_fixture(&fixture, &options);
        run_well(&fixture);
        submit(&fixture, &jobs[0], "ok");
        submit(&fixture, &jobs[1], "ok");
        pid_t pid = worker_of(&jobs[1]);
        submit(&fixture, &jobs[2], "ok");
        if (round % 2)
            (void)worker_of(&jobs[2]);
        close_fixture(&fixture);
        g_assert_cmpint(kill(pid, 0), ==, -1);
        for (size_t i = 0; i < G_N_ELEMENTS(jobs); i++) {
            g_assert_cmpuint(jobs[i].calls, ==, 0);
            forget(&jobs[i]);
        }
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
}

/* ---- a fork server that does not do
 * ---------------------------------------------------------------
 */

static char *folder;

static const char *const bad_names[] = {
    "dies-at-once", "dies-when-asked", "hangs", "refuses", "talks-nonsense", "is-not-there",
};

/* The fake handler under another name. */
static char *make_program(const char *name)
{
    char *path = g_build_filename(folder, name, NULL);

    if (strcmp(name, "is-not-there") != 0)
        g_assert_cmpint(symlink(FAKE_HANDLER, path), ==, 0);
    return path;
}

static void test_bad_forkserver(const void *data)
{
    g_autofree char *program = make_program(data);
    PoolOptions options = make_options();
    Fixture fixture;
    int64_t waited_us[2];

    options.program = program;
    options.timeout_us = 4 * SHORT_US;
    open_fixture(&fixture, &options);
    for (int i = 0; i < 2; i++) {
        Job job;

        run(&fixture, &job, "ok");
        g_assert_cmpint(job.result.error, ==, ERROR_HANDLER_UNAVAILABLE);
        g_assert_cmpuint(strlen(job.result.message), >, 5);
        g_assert_cmpint(pool_busy(fixture.pool), ==, 0);
        g_assert_cmpint(pool_failures(fixture.pool), ==, i + 1);

        /* No room for now, although nothing is under way; then it is said that there is again. */
        int64_t from_us = clock_monotonic_us();
        g_assert_false(pool_has_room(fixture.pool));
        g_assert_cmpuint(fixture.rooms, ==, (guint)i);
        wait_for_room(&fixture);
        waited_us[i] = clock_monotonic_us() - from_us;
        g_assert_cmpuint(fixture.rooms, ==, (guint)i + 1);
    }
    g_assert_cmpint(waited_us[1], >, waited_us[0] / 2);
    close_fixture(&fixture);
    (void)g_unlink(program);
}

/* Workers that do not begin as they must: they are not believed, whatever they answer. */
static void test_bad_greeting(const void *data)
{
    g_autofree char *program = make_program(data);
    PoolOptions options = make_options();
    Fixture fixture;
    Job job;

    options.program = program;
    open_fixture(&fixture, &options);
    run(&fixture, &job, "ok");
    g_assert_cmpint(job.result.error, ==, ERROR_HANDLER_CRASHED);
    close_fixture(&fixture);
    (void)g_unlink(program);
}

/* All that wait for it fail at once, and it counts as one failure. */
static void test_bad_forkserver_many(void)
{
    g_autofree char *program = make_program("dies-when-asked");
    PoolOptions options = make_options();
    Fixture fixture;
    Job jobs[3];

    options.program = program;
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(jobs) && pool_has_room(fixture.pool); i++)
        submit(&fixture, &jobs[i], "ok");
    unsigned submitted = (unsigned)fixture.serial;
    for (size_t i = 0; i < submitted; i++) {
        wait_for(&jobs[i]);
        g_assert_cmpint(jobs[i].result.error, ==, ERROR_HANDLER_UNAVAILABLE);
    }
    g_assert_cmpuint(fixture.done, ==, submitted);
    close_fixture(&fixture);
    (void)g_unlink(program);
}

/* The fork server dies; workers that live go on, and another one is started when it is needed. */
static void test_forkserver_killed(void)
{
    PoolOptions options = make_options();
    Fixture fixture;
    Job held, other;

    open_fixture(&fixture, &options);
    submit(&fixture, &held, "ok");
    pid_t pid = worker_of(&held);
    while (pool_failures(fixture.pool) > 0)
        g_main_context_iteration(NULL, TRUE);
    run(&fixture, &other, "ok"); /* the fork server's first answer has been read for sure */
    g_assert_cmpint(kill(-getpgid(pid), 0), ==, 0);
    pid_t forkserver = getpgid(pid);
    g_assert_cmpint(kill(forkserver, SIGKILL), ==, 0);
    while (kill(forkserver, 0) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_well(&fixture), ==, other.result.facts.width);
    submit(&fixture, &other, "ok");
    (void)worker_of(&other);
    g_assert_cmpint(run_well(&fixture), !=, pid);
    release(&held);
    release(&other);
    wait_for(&held);
    wait_for(&other);
    g_assert_cmpint(held.result.error, ==, ERROR_NONE);
    g_assert_cmpint(held.result.facts.width, ==, pid);
    close_fixture(&fixture);
}

/* Workers that cannot enter their sandbox are no reason to start them as fast as one can. */
static void test_bad_sandbox(void)
{
    g_autofree char *program = make_program("does-not-greet");
    PoolOptions options = make_options();
    Fixture fixture;

    options.program = program;
    open_fixture(&fixture, &options);
    for (int i = 1; i <= 3; i++) {
        Job job;

        run(&fixture, &job, "exit 70");
        g_assert_cmpint(job.result.error, ==, ERROR_HANDLER_UNAVAILABLE);
        g_assert_cmpint(pool_failures(fixture.pool), ==, i);
        g_assert_false(pool_has_room(fixture.pool));
        wait_for_room(&fixture);
    }
    close_fixture(&fixture);
    (void)g_unlink(program);
}

/* A job does not pay for what an earlier one did to its worker: it gets another. */
static void test_harmed_worker(void)
{
    static const char command[] = "signal-if-used 11";
    PoolOptions options = make_options();
    Fixture fixture;
    Job job;

    options.concurrency = 1;
    open_fixture(&fixture, &options);
    pid_t harmed = run_well(&fixture);
    job = (Job){.fixture = &fixture, .source = -1, .theirs = -1, .file = -1};
    job.wire = (WireJob){.serial = ++fixture.serial, .max_output_size = 100, .n_renditions = 1};
    job.wire.max_pages = job.wire.max_pixels = job.wire.max_file_size = 1;
    job.wire.renditions[0] =
        (Rendition){.name = "x", .width = 1, .height = 1, .quality = 1, .max_frames = 1};
    job.serial = job.wire.serial;
    autofd source = memfd_create("source", MFD_CLOEXEC);
    g_assert_cmpint(pwrite(source, command, strlen(command), 0), ==, strlen(command));
    const PoolJob work = {.wire = &job.wire, .source_fd = source, .group = ""};
    pool_submit(fixture.pool, &work, on_done, &job);
    wait_for(&job);
    g_assert_cmpint(job.result.error, ==, ERROR_NONE);
    g_assert_cmpint(job.result.facts.width, !=, harmed);
    g_assert_cmpint(kill(harmed, 0), !=, 0);
    close_fixture(&fixture);
}

/*
 * What a worker has answered with stays as it is when it is told of, whatever the worker does to it
 * afterwards: with files of its own it has been reaped by then, else its memory file is sealed.
 */
static void test_write_on(const void *data)
{
    bool own_files = GPOINTER_TO_INT(data);
    PoolOptions options = make_options();
    Fixture fixture;
    Job job;

    open_fixture(&fixture, &options);
    submit_to(&fixture, &job, "write-on", "", own_files);
    pid_t pid = worker_of(&job);
    release(&job);
    while (job.calls == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(job.result.error, ==, ERROR_NONE);
    g_assert_cmpint(kill(pid, 0) == 0, ==, !own_files);
    if (!own_files)
        g_assert_cmpint(job.seals, ==, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    g_assert_true(g_str_has_prefix(job.thumbnail, "as it was "));
    forget(&job);
    close_fixture(&fixture);
}

/* Each has a process of its own, which is gone when the answer counts. */
static void test_own_files(void)
{
    PoolOptions options = make_options();
    Fixture fixture;
    pid_t pids[3];

    options.concurrency = 1;
    options.ahead = 3;
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
        Job job;
        submit_to(&fixture, &job, "ok", "", true);
        pids[i] = worker_of(&job);
        g_assert_false(pool_has_room(fixture.pool));
        release(&job);
        wait_for(&job);
        g_assert_cmpint(job.result.error, ==, ERROR_NONE);
        g_assert_cmpint(job.usage.cpu_us, >, 0);
        g_assert_cmpint(kill(pids[i], 0), ==, -1);
        g_assert_true(i == 0 || pids[i] != pids[i - 1]);
    }
    close_fixture(&fixture);
}

static void add_tables(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(deeds); i++) {
        g_autofree char *path = g_strdup_printf("/pool/deed/%s", deeds[i].name);
        g_test_add_data_func(path, &deeds[i], test_deed);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(timeouts); i++) {
        g_autofree char *path = g_strdup_printf("/pool/timeout/%s", timeouts[i].name);
        g_test_add_data_func(path, &timeouts[i], test_timeout);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad_names); i++) {
        g_autofree char *path = g_strdup_printf("/pool/forkserver/%s", bad_names[i]);
        g_test_add_data_func(path, bad_names[i], test_bad_forkserver);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("thumbq-pool-XXXXXX", NULL);
    g_assert_nonnull(folder);
    add_tables();
    g_test_add_func("/pool/usage", test_usage);
    g_test_add_data_func("/pool/afterwards/answer-twice", "twice", test_afterwards);
    g_test_add_data_func("/pool/afterwards/death", "ok-signal 11", test_afterwards);
    g_test_add_data_func("/pool/afterwards/hang-up", "ok-close", test_afterwards);
    g_test_add_func("/pool/growth", test_growth);
    g_test_add_func("/pool/replaced", test_replaced);
    g_test_add_data_func("/pool/retired/idle", GINT_TO_POINTER(100), test_retired);
    g_test_add_data_func("/pool/retired/used-up", GINT_TO_POINTER(1), test_retired);
    g_test_add_func("/pool/timeout/waits-for-cpu", test_timeout_waits_for_cpu);
    g_test_add_func("/pool/timeout/sleeper", test_timeout_of_a_sleeper);
    g_test_add_func("/pool/timeout/spinner", test_timeout_of_a_spinner);
    g_test_add_func("/pool/storm", test_storm);
    g_test_add_func("/pool/free-idle", test_free_idle);
    g_test_add_func("/pool/free-busy", test_free_busy);
    g_test_add_data_func("/pool/greeting/wrong", "greets-wrongly", test_bad_greeting);
    g_test_add_data_func("/pool/greeting/none", "does-not-greet", test_bad_greeting);
    g_test_add_func("/pool/forkserver/many", test_bad_forkserver_many);
    g_test_add_func("/pool/forkserver/killed", test_forkserver_killed);
    g_test_add_func("/pool/bad-sandbox", test_bad_sandbox);
    g_test_add_func("/pool/harmed-worker", test_harmed_worker);
    g_test_add_data_func("/pool/write-on/shared", GINT_TO_POINTER(false), test_write_on);
    g_test_add_data_func("/pool/write-on/own-files", GINT_TO_POINTER(true), test_write_on);
    g_test_add_func("/pool/own-files", test_own_files);
    int status = g_test_run();
    (void)g_rmdir(folder);
    g_free(folder);
    return status;
}
