/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: the meaning of a death, and that started processes are reaped and measured. */
#include "base/file.h"
#include "handlers/forkserver.h"
#include "pool/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const char *name;
    /* Exit status; -1: the signal ended the process. */
    int exit_status;
    int signal;
    ErrorCode code;
} DeathCase;

static const DeathCase deaths[] = {
    {"sandbox-violation", -1, SIGSYS, ERROR_SANDBOX_VIOLATION},
    {"source-cut-short", -1, SIGBUS, ERROR_SOURCE_CHANGED},
    {"cpu-time", -1, SIGXCPU, ERROR_TIMEOUT},
    {"output-size", -1, SIGXFSZ, ERROR_OUTPUT_TOO_LARGE},
    {"killed", -1, SIGKILL, ERROR_HANDLER_CRASHED},
    {"segfault", -1, SIGSEGV, ERROR_HANDLER_CRASHED},
    {"abort", -1, SIGABRT, ERROR_HANDLER_CRASHED},
    {"real-time-signal", -1, 40, ERROR_HANDLER_CRASHED},
    {"exit-ok", WORKER_EXIT_OK, 0, ERROR_HANDLER_CRASHED},
    {"exit-memory", WORKER_EXIT_MEMORY, 0, ERROR_OUT_OF_MEMORY},
    {"exit-claim", WORKER_EXIT_CLAIM, 0, ERROR_DAMAGED},
    {"exit-sandbox", WORKER_EXIT_SANDBOX, 0, ERROR_HANDLER_UNAVAILABLE},
    {"exit-protocol", WORKER_EXIT_PROTOCOL, 0, ERROR_HANDLER_CRASHED},
    {"exit-1", 1, 0, ERROR_HANDLER_CRASHED},
    /* Exit statuses that equal the number of a signal, and the reverse. */
    {"exit-7", SIGBUS, 0, ERROR_HANDLER_CRASHED},
    {"exit-31", SIGSYS, 0, ERROR_HANDLER_CRASHED},
};

/* Makes a real status of a real process, so that the test does not depend on its encoding. */
static int die(const DeathCase *row)
{
    int status;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        prctl(PR_SET_DUMPABLE, 0);
        if (row->exit_status >= 0)
            _exit(row->exit_status);
        if (row->signal != SIGKILL)
            signal(row->signal, SIG_DFL);
        kill(getpid(), row->signal);
        _exit(255);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    return status;
}

static void test_death(const void *data)
{
    const DeathCase *row = data;
    char message[WIRE_MESSAGE_MAX] = "";

    g_assert_cmpint(process_death_reason(die(row), message), ==, row->code);
    g_assert_cmpuint(strlen(message), >, 5);
    g_assert_true(g_utf8_validate(message, -1, NULL));
}

static void test_socket_pair(void)
{
    g_autoptr(GError) error = NULL;
    int ours, theirs;

    g_assert_true(process_socket_pair(&ours, &theirs, &error));
    g_assert_no_error(error);
    g_assert_cmpint(fcntl(ours, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(fcntl(theirs, F_GETFD), ==, FD_CLOEXEC);
    g_assert_true(fcntl(ours, F_GETFL) & O_NONBLOCK);
    g_assert_false(fcntl(theirs, F_GETFL) & O_NONBLOCK);
    fd_clear(&ours);
    fd_clear(&theirs);
}

static void test_cannot_start(void)
{
    static const char *const programs[] = {"/nonexistent/program", "/dev/null", "/"};

    for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autoptr(GError) error = NULL;
        Process process = PROCESS_NONE;

        g_assert_false(process_start_forkserver(programs[i], &process, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_HANDLER_UNAVAILABLE);
        g_assert_nonnull(strstr(error->message, programs[i]));
        g_assert_cmpint(process.pid, ==, 0);
    }
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
}

/* cat reads /dev/null, which ends at once: it is a program that starts and exits with 0. */
static void test_reap(void)
{
    g_autoptr(GError) error = NULL;
    Process process = PROCESS_NONE;
    ProcessEnd end;

    g_assert_true(process_start_forkserver("/bin/cat", &process, &error));
    g_assert_no_error(error);
    g_assert_cmpint(process.pid, >, 0);
    g_assert_cmpint(fcntl(process.pidfd, F_GETFD), ==, FD_CLOEXEC);
    struct pollfd ended = {.fd = process.pidfd, .events = POLLIN};
    g_assert_cmpint(poll(&ended, 1, -1), ==, 1);
    g_assert_true(process_reap(&process, false, &end));
    g_assert_true(WIFEXITED(end.wait_status));
    g_assert_cmpint(WEXITSTATUS(end.wait_status), ==, 0);
    g_assert_cmpint(end.memory_bytes, >, 0);
    g_assert_cmpint(process.pid, ==, 0);
    g_assert_cmpint(process.pidfd, ==, -1);
    g_assert_cmpint(process.socket_fd, ==, -1);
}

/* Starts a child that waits to be killed. */
static Process start_sleeper(void)
{
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    while (pid == 0)
        pause();
    return (Process){.pid = pid, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0), .socket_fd = -1};
}

static void test_kill(void)
{
    Process process = start_sleeper();
    ProcessEnd end;
    clockid_t clock = process_cpu_clock(process.pid);

    g_assert_false(process_reap(&process, false, &end));
    /* The loop ends when the child has run. */
    while (process_cpu_us(clock) == 0)
        sched_yield();

    pid_t pid = process.pid;
    process_kill(&process);
    g_assert_true(process_reap(&process, true, &end));
    g_assert_true(WIFSIGNALED(end.wait_status));
    g_assert_cmpint(WTERMSIG(end.wait_status), ==, SIGKILL);

    /* A process that has gone can be neither measured nor killed. */
    g_assert_cmpint(process_cpu_us(clock), ==, 0);
    g_assert_cmpint(process_cpu_us(process_cpu_clock(pid)), ==, 0);
    process_kill(&process);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(deaths); i++) {
        g_autofree char *path = g_strdup_printf("/process/death/%s", deaths[i].name);
        g_test_add_data_func(path, &deaths[i], test_death);
    }
    g_test_add_func("/process/socket-pair", test_socket_pair);
    g_test_add_func("/process/cannot-start", test_cannot_start);
    g_test_add_func("/process/reap", test_reap);
    g_test_add_func("/process/kill", test_kill);
    return g_test_run();
}
