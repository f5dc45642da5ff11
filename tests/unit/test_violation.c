/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's report of a forbidden call, with a real filter in a real process. */
#include "pool/violation.h"

#include "base/file.h"
#include "pool/process.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void test_names(void)
{
    char message[WIRE_MESSAGE_MAX];
    violation_describe(SYS_socket, message);
    g_assert_cmpstr(message, ==, "it called 'socket', which its sandbox forbids");
    violation_describe(99999, message);
    g_assert_cmpstr(message, ==, "it made system call 99999, which its sandbox forbids");
    violation_describe(-1, message);
    g_assert_cmpstr(message, ==, "it made a system call that its sandbox forbids");
}

/* Forbids chroot to itself, passes its listener on, and calls chroot. */
static G_NORETURN void violate(int socket_fd)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        seccomp_rule_add(context, SCMP_ACT_NOTIFY, SCMP_SYS(chroot), 0) != 0 ||
        seccomp_load(context) != 0)
        _exit(1);
    int listener = seccomp_notify_fd(context);
    if (!wire_send(socket_fd, "x", 1, &listener, 1, NULL))
        _exit(2);
    close(listener);
    (void)!chroot("/");
    _exit(3);
}

static void test_listener(void)
{
    autofd ours = -1, theirs = -1;
    g_assert_true(process_socket_pair(&ours, &theirs, NULL));
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        violate(theirs);
    fd_clear(&theirs);

    uint8_t buffer[WIRE_FRAME_MAX];
    ssize_t len;
    size_t n_fds;
    autofd listener = -1;
    do
        g_assert_true(wire_receive(ours, buffer, &len, &listener, 1, &n_fds, NULL));
    while (len < 0);
    if (n_fds == 0) {
        int status;
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_test_skip("this machine gives no listener: one is there already");
        return;
    }
    while (!violation_is_pending(listener))
        g_assert_cmpint(waitpid(pid, NULL, WNOHANG), ==, 0);
    char message[WIRE_MESSAGE_MAX];
    violation_describe(violation_read(listener), message);
    g_assert_cmpstr(message, ==, "it called 'chroot', which its sandbox forbids");

    /* The report has been read: another read gives no report, and does not block. */
    violation_describe(violation_read(listener), message);
    g_assert_cmpstr(message, ==, "it made a system call that its sandbox forbids");
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    int status;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    g_assert_false(violation_is_pending(listener));
}

static void test_no_listener(void)
{
    g_assert_false(violation_is_pending(-1));
    g_assert_cmpint(violation_read(-1), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/violation/names", test_names);
    g_test_add_func("/violation/listener", test_listener);
    g_test_add_func("/violation/no-listener", test_no_listener);
    return g_test_run();
}
