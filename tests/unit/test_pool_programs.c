/* SPDX-License-Identifier: Apache-2.0 */
/* Several handler programs in one pool: workers belong to a program, share the limit, and a program
 * that does not start harms no other. The programs are names of support/fake_handler.c, whose
 * workers answer with their process id as the width. */
#include "pool_fixture.h"
#include "shortage_fixture.h"

#include <glib/gstdio.h>
#include <signal.h>

#define FIRST  0
#define SECOND 1
#define AHEAD  3

static char *folder, *first_path;

static ExecutorOptions options_of(int concurrency, const char *second)
{
    ExecutorOptions options = make_options();

    options.program = first_path;
    options.concurrency = concurrency;
    options.ahead = AHEAD;
    options.further[0] =
        (FurtherProgram){.executable = second, .memory_times = 1, .timeout_times = 3};
    options.n_further = 1;
    return options;
}

static void submit_for(Fixture *fixture, TestInvocation *invocation, size_t program,
                       const char *command, const char *group)
{
    fixture->program = program;
    submit_to(fixture, invocation, command, group, false);
    fixture->program = FIRST;
}

/* Runs an invocation to its end. Returns the process id of its worker. */
static pid_t run_for(Fixture *fixture, size_t program, const char *group)
{
    TestInvocation invocation;

    submit_for(fixture, &invocation, program, "ok", group);
    release(&invocation);
    wait_for(&invocation);
    g_assert_cmpint(invocation.result.error, ==, ERROR_NONE);
    return invocation.result.facts.width;
}

static void fail_for(Fixture *fixture, size_t program, ErrorCode error, const char *message)
{
    TestInvocation invocation;

    submit_for(fixture, &invocation, program, "ok", "");
    release(&invocation);
    wait_for(&invocation);
    g_assert_cmpint(invocation.result.error, ==, error);
    g_assert_nonnull(strstr(invocation.result.message, message));
}

static void end_invocation(TestInvocation *invocation)
{
    release(invocation);
    wait_for(invocation);
    g_assert_cmpint(invocation->result.error, ==, ERROR_NONE);
}

/* True if some child of this process was executed under this name. */
static bool runs(const char *name)
{
    g_autofree char *children = NULL;
    bool found = false;

    g_assert_true(g_file_get_contents("/proc/thread-self/children", &children, NULL, NULL));
    g_auto(GStrv) pids = g_strsplit(g_strstrip(children), " ", -1);
    for (size_t i = 0; pids[i] && *pids[i]; i++) {
        g_autofree char *path = g_strdup_printf("/proc/%s/cmdline", pids[i]);
        g_autofree char *command = NULL;
        if (g_file_get_contents(path, &command, NULL, NULL) && *command) {
            g_autofree char *base = g_path_get_basename(command);
            found |= strcmp(base, name) == 0;
        }
    }
    return found;
}

/* The second program starts with the first invocation for it. Both serve the same group. */
static void test_started_when_needed(void)
{
    ExecutorOptions options = options_of(2, "second");
    Fixture fixture;

    open_fixture(&fixture, &options);
    pid_t first = run_for(&fixture, FIRST, "");
    g_assert_true(runs("first"));
    g_assert_false(runs("second"));
    pid_t second = run_for(&fixture, SECOND, "");
    g_assert_cmpint(second, !=, first);
    g_assert_true(runs("second"));
    g_assert_cmpint(run_for(&fixture, FIRST, ""), ==, first);
    g_assert_cmpint(run_for(&fixture, SECOND, ""), ==, second);
    close_fixture(&fixture);
}

/* One worker is allowed: that of the other program ends, whichever is needed. */
static void test_idle_worker_is_retired(void)
{
    ExecutorOptions options = options_of(1, "second");
    Fixture fixture;

    open_fixture(&fixture, &options);
    pid_t first = run_for(&fixture, FIRST, "");
    pid_t second = run_for(&fixture, SECOND, "");
    while (kill(first, 0) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(run_for(&fixture, FIRST, ""), !=, first);
    while (kill(second, 0) == 0)
        g_main_context_iteration(NULL, TRUE);
    close_fixture(&fixture);
}

/* A group has a worker of its own in each program, and groups of one program share none. */
static void test_groups(void)
{
    ExecutorOptions options = options_of(4, "second");
    Fixture fixture;
    pid_t pids[4];

    open_fixture(&fixture, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(pids); i++)
        pids[i] = run_for(&fixture, i / 2, i % 2 ? "a" : "b");
    for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
        for (size_t j = 0; j < i; j++)
            g_assert_cmpint(pids[i], !=, pids[j]);
        g_assert_cmpint(run_for(&fixture, i / 2, i % 2 ? "a" : "b"), ==, pids[i]);
    }
    close_fixture(&fixture);
}

/* The limit is one for all programs: an invocation waits for it, and not behind invocations of
 * another program. */
static void test_limit_is_shared(void)
{
    ExecutorOptions options = options_of(1, "second");
    Fixture fixture;
    TestInvocation busy, other;

    open_fixture(&fixture, &options);
    /* Invocations of both programs are short, and may wait for a busy worker. */
    run_for(&fixture, SECOND, "");
    pid_t first = run_for(&fixture, FIRST, "");
    submit_for(&fixture, &busy, FIRST, "ok", "");
    g_assert_cmpint(worker_of(&busy), ==, first);
    fixture.ignores_room = true;
    submit_for(&fixture, &other, SECOND, "ok", "");
    g_assert_cmpint(executor_busy(fixture.pool), ==, 2);
    end_invocation(&busy);
    end_invocation(&other);
    g_assert_cmpint(other.result.facts.width, !=, first);
    close_fixture(&fixture);
}

/* The second program does not start. Its invocations end, and those of the first are not delayed.
 */
static void test_bad_program(const void *data)
{
    const char *name = data;
    ExecutorOptions options = options_of(2, name);
    Fixture fixture;

    options.timeout_us = 4 * SHORT_US;
    /* The start of the programs counts as wall time, and may take long on a busy machine. */
    options.wall_us = LONG_US;
    open_fixture(&fixture, &options);
    pid_t first = run_for(&fixture, FIRST, "");
    for (int i = 0; i < 3; i++) {
        TestInvocation invocation;
        submit_for(&fixture, &invocation, SECOND, "ok", "");
        release(&invocation);
        wait_for(&invocation);
        g_assert_cmpint(invocation.result.error, ==, ERROR_HANDLER_UNAVAILABLE);
        g_assert_cmpint(pool_failures(fixture.pool), ==, 0);
        g_assert_true(executor_has_room(fixture.pool));
        g_assert_cmpint(run_for(&fixture, FIRST, ""), ==, first);
    }
    close_fixture(&fixture);
}

/* Makes a program that notes each start in the file `starts` and ends. Owner: the caller frees. */
static char *add_counting_program(const char *name, const char *starts)
{
    char *path = g_build_filename(folder, name, NULL);
    g_autofree char *script = g_strdup_printf("#!/bin/sh\necho >>'%s'\nexit 1\n", starts);

    g_assert_true(g_file_set_contents(path, script, -1, NULL));
    g_assert_cmpint(g_chmod(path, 0755), ==, 0);
    return path;
}

/* Invocations that come before the next attempt is due do not start the program. */
static void test_attempts(void)
{
    enum { INVOCATIONS = 40, FEW = 8 };
    g_autofree char *starts = g_build_filename(folder, "starts", NULL);
    g_autofree char *program = add_counting_program("counts", starts);
    ExecutorOptions options = options_of(2, "counts");
    g_autofree char *lines = NULL;
    Fixture fixture;
    TestInvocation invocations[INVOCATIONS];
    size_t n;

    open_fixture(&fixture, &options);
    fixture.ignores_room = true;
    for (size_t i = 0; i < INVOCATIONS; i++) {
        submit_for(&fixture, &invocations[i], SECOND, "ok", "");
        release(&invocations[i]);
    }
    for (size_t i = 0; i < INVOCATIONS; i++) {
        wait_for(&invocations[i]);
        g_assert_cmpint(invocations[i].result.error, ==, ERROR_HANDLER_UNAVAILABLE);
    }
    close_fixture(&fixture);
    g_assert_true(g_file_get_contents(starts, &lines, &n, NULL));
    g_assert_cmpuint(n, >=, 1);
    g_assert_cmpuint(n, <, FEW);
    g_assert_cmpint(g_unlink(starts), ==, 0);
    g_assert_cmpint(g_unlink(program), ==, 0);
}

static void test_message_names_the_program(void)
{
    ExecutorOptions options = options_of(2, "is-not-there");
    Fixture fixture;

    open_fixture(&fixture, &options);
    fail_for(&fixture, SECOND, ERROR_HANDLER_UNAVAILABLE, "/is-not-there'");
    /* The next attempt is not due yet. */
    fail_for(&fixture, SECOND, ERROR_HANDLER_UNAVAILABLE, "/is-not-there'");
    close_fixture(&fixture);
}

/* The machine lacks something that a start takes: no invocation is to blame. */
static void test_shortage(const void *data)
{
    const char *name = data;
    ExecutorOptions options = options_of(2, name);
    Fixture fixture;
    Shortage shortage;

    open_fixture(&fixture, &options);
    pid_t first = run_for(&fixture, FIRST, "");
    for (int i = 0; i < 2; i++) {
        /* The second invocation comes before the next attempt is due. */
        TestInvocation invocation;
        bool is_short = strcmp(name, "second") == 0;
        if (is_short)
            /* For the invocation's source and a memory file. */
            begin_shortage(&shortage, 3);
        submit_for(&fixture, &invocation, SECOND, "ok", "");
        release(&invocation);
        wait_for(&invocation);
        if (is_short)
            end_shortage(&shortage);
        g_assert_cmpint(invocation.result.error, ==, ERROR_SHORTAGE);
        g_assert_true(invocation.start_failed);
        g_assert_cmpuint(strlen(invocation.result.message), >, 0);
    }
    g_assert_cmpint(run_for(&fixture, FIRST, ""), ==, first);
    close_fixture(&fixture);
}

/* Without a descriptor for a memory file, nothing is known of the start of the program. */
static void test_no_memory_file(void)
{
    ExecutorOptions options = options_of(2, "second");
    Fixture fixture;
    Shortage shortage;
    TestInvocation invocation;

    open_fixture(&fixture, &options);
    /* For the invocation's source. */
    begin_shortage(&shortage, 2);
    submit_for(&fixture, &invocation, SECOND, "ok", "");
    release(&invocation);
    wait_for(&invocation);
    end_shortage(&shortage);
    g_assert_cmpint(invocation.result.error, ==, ERROR_SHORTAGE);
    g_assert_false(invocation.start_failed);
    g_assert_cmpint(run_for(&fixture, SECOND, ""), >, 0);
    close_fixture(&fixture);
}

/* The first program does not start: an invocation of the second gets a worker at once. */
static void test_bad_first_program(void)
{
    g_autofree char *program = g_build_filename(folder, "is-not-there", NULL);
    ExecutorOptions options = options_of(2, "second");
    Fixture fixture;

    options.program = program;
    open_fixture(&fixture, &options);
    fail_for(&fixture, FIRST, ERROR_HANDLER_UNAVAILABLE, "/is-not-there'");
    g_assert_false(executor_has_room(fixture.pool));
    fixture.ignores_room = true;
    g_assert_cmpint(run_for(&fixture, SECOND, ""), >, 0);
    g_assert_cmpint(pool_failures(fixture.pool), ==, 1);
    close_fixture(&fixture);
}

/* The death of a worker of one program does not touch the workers of the other. */
static void test_death(void)
{
    ExecutorOptions options = options_of(3, "second");
    Fixture fixture;
    TestInvocation dead;

    open_fixture(&fixture, &options);
    pid_t first = run_for(&fixture, FIRST, "");
    submit_for(&fixture, &dead, SECOND, "signal 11", "");
    release(&dead);
    wait_for(&dead);
    g_assert_cmpint(dead.result.error, ==, ERROR_HANDLER_CRASHED);
    g_assert_cmpint(run_for(&fixture, FIRST, ""), ==, first);
    g_assert_cmpint(run_for(&fixture, SECOND, ""), >, 0);
    close_fixture(&fixture);
}

/* A program has its own multiple of the time limit. */
static void test_time_limit(void)
{
    static const char *const messages[] = {"killed after 0.10 seconds of CPU time",
                                           "killed after 0.30 seconds of CPU time"};
    ExecutorOptions options = options_of(2, "second");
    Fixture fixture;

    options.timeout_us = 100 * CLOCK_US_PER_MS;
    options.wall_us = LONG_US;
    open_fixture(&fixture, &options);
    for (size_t program = FIRST; program <= SECOND; program++) {
        TestInvocation invocation;
        submit_for(&fixture, &invocation, program, "spin", "");
        release(&invocation);
        wait_for(&invocation);
        g_assert_cmpint(invocation.result.error, ==, ERROR_TIMEOUT);
        g_assert_cmpstr(invocation.result.message, ==, messages[program]);
    }
    close_fixture(&fixture);
}

/* A program without workers ends after a while, and the other one stays. */
static void test_idle_program_ends(void)
{
    ExecutorOptions options = options_of(2, "second");
    Fixture fixture;
    TestInvocation busy;

    options.idle_us = SHORT_US;
    open_fixture(&fixture, &options);
    submit_for(&fixture, &busy, FIRST, "ok", "");
    pid_t first = worker_of(&busy);
    run_for(&fixture, SECOND, "");
    while (runs("second"))
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(runs("first"));
    end_invocation(&busy);
    g_assert_cmpint(busy.result.facts.width, ==, first);
    g_assert_cmpint(run_for(&fixture, SECOND, ""), >, 0);
    close_fixture(&fixture);
}

/* Makes the fake handler available under another name in the folder. Owner: the caller frees. */
static char *add_program(const char *name)
{
    char *path = g_build_filename(folder, name, NULL);

    g_assert_cmpint(symlink(FAKE_HANDLER, path), ==, 0);
    return path;
}

int main(int argc, char **argv)
{
    static const char *const bad_names[] = {"dies-at-once", "dies-when-asked", "refuses",
                                            "talks-nonsense", "is-not-there"};

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("thumbq-pool-XXXXXX", NULL);
    g_assert_nonnull(folder);
    first_path = add_program("first");
    g_autofree char *second = add_program("second");
    g_autofree char *lacking = add_program("lacks-processes");
    g_autoptr(GPtrArray) bad = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < G_N_ELEMENTS(bad_names); i++) {
        g_autofree char *path = g_strdup_printf("/pool/programs/bad/%s", bad_names[i]);
        if (strcmp(bad_names[i], "is-not-there") != 0)
            g_ptr_array_add(bad, add_program(bad_names[i]));
        g_test_add_data_func(path, bad_names[i], test_bad_program);
    }
    g_test_add_func("/pool/programs/started-when-needed", test_started_when_needed);
    g_test_add_func("/pool/programs/idle-worker-is-retired", test_idle_worker_is_retired);
    g_test_add_func("/pool/programs/groups", test_groups);
    g_test_add_func("/pool/programs/limit-is-shared", test_limit_is_shared);
    g_test_add_func("/pool/programs/attempts", test_attempts);
    g_test_add_func("/pool/programs/message", test_message_names_the_program);
    g_test_add_data_func("/pool/programs/shortage/processes", "lacks-processes", test_shortage);
    g_test_add_data_func("/pool/programs/shortage/descriptors", "second", test_shortage);
    g_test_add_func("/pool/programs/no-memory-file", test_no_memory_file);
    g_test_add_func("/pool/programs/bad-first", test_bad_first_program);
    g_test_add_func("/pool/programs/death", test_death);
    g_test_add_func("/pool/programs/time-limit", test_time_limit);
    g_test_add_func("/pool/programs/idle-program-ends", test_idle_program_ends);
    int status = g_test_run();
    for (size_t i = 0; i < bad->len; i++)
        (void)g_unlink(g_ptr_array_index(bad, i));
    (void)g_unlink(first_path);
    (void)g_unlink(second);
    (void)g_unlink(lacking);
    (void)g_rmdir(folder);
    g_free(first_path);
    g_free(folder);
    return status;
}
