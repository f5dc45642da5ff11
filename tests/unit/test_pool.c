/* SPDX-License-Identifier: Apache-2.0 */
/* The pool against a handler that misbehaves on demand (support/fake_handler.c). Whatever the
 * handler does, each invocation ends in exactly one InvocationDone, with the right error. */
#include "pool_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const char *name;
    const char *command;
    ErrorCode error;
    /* The worker also gets the next invocation. */
    bool same_worker;
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

/* The result is the same for a first invocation and for an invocation of an existing worker. */
static void test_deed(const void *data)
{
    const DeedCase *row = data;

    for (int warm = 0; warm <= 1; warm++) {
        ExecutorOptions options = make_options();
        Fixture fixture;
        TestInvocation invocation;

        options.concurrency = 1;
        open_fixture(&fixture, &options);
        pid_t before = warm ? run_well(&fixture) : 0;
        submit(&fixture, &invocation, row->command);
        pid_t pid = worker_of(&invocation);
        release(&invocation);
        wait_for(&invocation);
        if (warm)
            g_assert_cmpint(pid, ==, before);
        g_assert_cmpint(invocation.result.error, ==, row->error);
        if (row->error != ERROR_NONE)
            g_assert_cmpuint(strlen(invocation.result.message), >, 5);
        g_assert_cmpint(executor_busy(fixture.pool), ==, 0);

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

static void test_usage(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation cold, warm;

    open_fixture(&fixture, &options);
    run(&fixture, &cold, "ok");
    run(&fixture, &warm, "ok");
    g_assert_cmpint(cold.usage.init_us, >, 0);
    g_assert_cmpint(warm.usage.init_us, ==, 0);
    for (size_t i = 0; i < 2; i++) {
        const InvocationUsage *usage = i == 0 ? &cold.usage : &warm.usage;
        g_assert_cmpint(usage->duration_us, >, 0);
        g_assert_cmpint(usage->cpu_us, >=, 0);
        g_assert_cmpint(usage->memory_bytes, >, 0);
    }
    close_fixture(&fixture);
}

/* A misdeed after the answer ends the worker, and costs no invocation: a second answer, a death, or
 * a closed socket with a process that lives on without a limit. */
static void test_afterwards(const void *data)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    open_fixture(&fixture, &options);
    run(&fixture, &invocation, data);
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    while (kill(invocation.result.facts.width, 0) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_well(&fixture), !=, invocation.result.facts.width);
    g_assert_cmpuint(fixture.done, ==, 2);
    close_fixture(&fixture);
}

static void test_growth(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocations[3];
    pid_t pids[3];

    open_fixture(&fixture, &options);
    pid_t first = run_well(&fixture);
    g_assert_cmpint(run_well(&fixture), ==, first);
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++) {
        submit(&fixture, &invocations[i], "ok");
        pids[i] = worker_of(&invocations[i]);
        g_assert_cmpint(executor_has_room(fixture.pool), ==, i < 2);
    }
    g_assert_cmpint(pids[0], ==, first);
    g_assert_cmpint(pids[1], !=, first);
    g_assert_cmpint(pids[2], !=, first);
    g_assert_cmpint(pids[2], !=, pids[1]);

    /* The invocations end in any order. */
    release(&invocations[1]);
    wait_for(&invocations[1]);
    g_assert_true(executor_has_room(fixture.pool));
    g_assert_cmpint(invocations[1].result.facts.width, ==, pids[1]);
    g_assert_cmpint(run_well(&fixture), ==, pids[1]);
    release(&invocations[2]);
    release(&invocations[0]);
    wait_for(&invocations[0]);
    wait_for(&invocations[2]);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

static void test_replaced(void)
{
    ExecutorOptions options = make_options();
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

/* Idle workers end, and the fork server ends with the last one. The next invocation starts them
 * again. */
static void test_retired(const void *data)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocations[2];

    options.idle_us = SHORT_US;
    options.max_invocations = GPOINTER_TO_INT(data);
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++)
        submit(&fixture, &invocations[i], "ok");
    for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++) {
        release(&invocations[i]);
        wait_for(&invocations[i]);
    }
    g_assert_true(has_children());
    while (has_children())
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_well(&fixture), !=, invocations[0].result.facts.width);
    close_fixture(&fixture);
}

/* Picks a deed, except those after which the pool backs off. */
static const DeedCase *pick_deed(size_t i)
{
    const DeedCase *deed = &deeds[i % G_N_ELEMENTS(deeds)];

    return deed->error != ERROR_HANDLER_UNAVAILABLE ? deed : &deeds[0];
}

/* Runs hundreds of invocations of all kinds, as many at a time as there is room for. */
static void test_storm(void)
{
    enum { N = 300 };
    ExecutorOptions options = make_options();
    g_autofree TestInvocation *invocations = g_new0(TestInvocation, N);
    Fixture fixture;

    options.max_invocations = 7;
    options.idle_us = SHORT_US;
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < N; i++) {
        wait_for_room(&fixture);
        submit(&fixture, &invocations[i], pick_deed(i)->command);
        release(&invocations[i]);
    }
    for (size_t i = 0; i < N; i++) {
        wait_for(&invocations[i]);
        g_assert_cmpint(invocations[i].result.error, ==, pick_deed(i)->error);
    }
    g_assert_cmpuint(fixture.done, ==, N);
    g_assert_cmpint(executor_busy(fixture.pool), ==, 0);
    close_fixture(&fixture);
}

static void test_free_idle(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;

    open_fixture(&fixture, &options);
    close_fixture(&fixture);
    open_fixture(&fixture, &options);
    run_well(&fixture);
    close_fixture(&fixture);
    executor_free(NULL);
}

/* Frees the pool with invocations at each stage: one at work, and one just submitted. For the
 * latter, the fork server's answer has not been read, and may not have been written. */
static void test_free_busy(void)
{
    for (int round = 0; round < 20; round++) {
        ExecutorOptions options = make_options();
        Fixture fixture;
        TestInvocation invocations[3];

        open_fixture(&fixture, &options);
        run_well(&fixture);
        submit(&fixture, &invocations[0], "ok");
        submit(&fixture, &invocations[1], "ok");
        pid_t pid = worker_of(&invocations[1]);
        submit(&fixture, &invocations[2], "ok");
        if (round % 2)
            (void)worker_of(&invocations[2]);
        close_fixture(&fixture);
        g_assert_cmpint(kill(pid, 0), ==, -1);
        for (size_t i = 0; i < G_N_ELEMENTS(invocations); i++) {
            g_assert_cmpuint(invocations[i].calls, ==, 0);
            forget(&invocations[i]);
        }
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
}

/* An invocation does not suffer from the harm that an earlier invocation did to its worker: it gets
 * another worker. */
static void test_harmed_worker(void)
{
    static const char command[] = "signal-if-used 11";
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    options.concurrency = 1;
    open_fixture(&fixture, &options);
    pid_t harmed = run_well(&fixture);
    invocation = (TestInvocation){.fixture = &fixture, .source = -1, .theirs = -1, .file = -1};
    invocation.order.wire =
        (WireOrder){.serial = ++fixture.serial, .max_output_size = 100, .n_renditions = 1};
    invocation.order.wire.max_pages = invocation.order.wire.max_pixels =
        invocation.order.wire.max_file_size = 1;
    invocation.order.wire.renditions[0] =
        (Rendition){.name = "x", .width = 1, .height = 1, .quality = 1, .max_frames = 1};
    invocation.serial = invocation.order.wire.serial;
    autofd source = memfd_create("source", MFD_CLOEXEC);
    g_assert_cmpint(pwrite(source, command, strlen(command), 0), ==, strlen(command));
    const Invocation work = {.serial = invocation.order.wire.serial,
                             .kind = &thumbnail_kind,
                             .order = &invocation.order,
                             .source_fd = source,
                             .group = ""};
    executor_submit(fixture.pool, &work, on_done, &invocation);
    wait_for(&invocation);
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    g_assert_cmpint(invocation.result.facts.width, !=, harmed);
    g_assert_cmpint(kill(harmed, 0), !=, 0);
    close_fixture(&fixture);
}

/* The thumbnails of an answer do not change after they are reported, whatever the worker does: a
 * worker with files of its own has been reaped by then; otherwise its memory file is sealed. */
static void test_write_on(const void *data)
{
    bool own_files = GPOINTER_TO_INT(data);
    ExecutorOptions options = make_options();
    Fixture fixture;
    TestInvocation invocation;

    open_fixture(&fixture, &options);
    submit_to(&fixture, &invocation, "write-on", "", own_files);
    pid_t pid = worker_of(&invocation);
    release(&invocation);
    while (invocation.calls == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    g_assert_cmpint(kill(pid, 0) == 0, ==, !own_files);
    if (!own_files)
        g_assert_cmpint(invocation.seals, ==,
                        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    g_assert_true(g_str_has_prefix(invocation.thumbnail, "as it was "));
    forget(&invocation);
    close_fixture(&fixture);
}

/* Each invocation has a separate process, which has ended when the answer counts. */
static void test_own_files(void)
{
    ExecutorOptions options = make_options();
    Fixture fixture;
    pid_t pids[3];

    options.concurrency = 1;
    options.ahead = 3;
    open_fixture(&fixture, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
        TestInvocation invocation;
        submit_to(&fixture, &invocation, "ok", "", true);
        pids[i] = worker_of(&invocation);
        g_assert_false(executor_has_room(fixture.pool));
        release(&invocation);
        wait_for(&invocation);
        g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
        g_assert_cmpint(invocation.usage.cpu_us, >, 0);
        g_assert_cmpint(kill(pids[i], 0), ==, -1);
        g_assert_true(i == 0 || pids[i] != pids[i - 1]);
    }
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(deeds); i++) {
        g_autofree char *path = g_strdup_printf("/pool/deed/%s", deeds[i].name);
        g_test_add_data_func(path, &deeds[i], test_deed);
    }
    g_test_add_func("/pool/usage", test_usage);
    g_test_add_data_func("/pool/afterwards/answer-twice", "twice", test_afterwards);
    g_test_add_data_func("/pool/afterwards/death", "ok-signal 11", test_afterwards);
    g_test_add_data_func("/pool/afterwards/hang-up", "ok-close", test_afterwards);
    g_test_add_func("/pool/growth", test_growth);
    g_test_add_func("/pool/replaced", test_replaced);
    g_test_add_data_func("/pool/retired/idle", GINT_TO_POINTER(100), test_retired);
    g_test_add_data_func("/pool/retired/used-up", GINT_TO_POINTER(1), test_retired);
    g_test_add_func("/pool/storm", test_storm);
    g_test_add_func("/pool/free-idle", test_free_idle);
    g_test_add_func("/pool/free-busy", test_free_busy);
    g_test_add_func("/pool/harmed-worker", test_harmed_worker);
    g_test_add_data_func("/pool/write-on/shared", GINT_TO_POINTER(false), test_write_on);
    g_test_add_data_func("/pool/write-on/own-files", GINT_TO_POINTER(true), test_write_on);
    g_test_add_func("/pool/own-files", test_own_files);
    return g_test_run();
}
