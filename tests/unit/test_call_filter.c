/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of system calls: which calls a profile adds, and that a program without the profile is
 * killed for them. Each call is made by a separate process that has entered the filter. */
#include "sandbox/call_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const char *name;
    long number, args[3];
    /* The group of calls that has it. */
    unsigned profile;
    /* The errno of the kernel's own refusal: no thread is made. */
    int errnum;
} Call;

static const Call calls[] = {
    {"getpid", SYS_getpid, {0}, CALLS_BASE, 0},
    {"futex", SYS_futex, {0}, CALLS_BASE, EFAULT},
    {"open", SYS_openat, {AT_FDCWD, 0, 0}, CALLS_SEARCHES, EACCES},
    {"access", SYS_faccessat, {AT_FDCWD, 0, 0}, CALLS_SEARCHES, EACCES},
    {"sysinfo", SYS_sysinfo, {0}, CALLS_MACHINE, EPERM},
    {"ioctl", SYS_ioctl, {0}, CALLS_MACHINE, ENOTTY},
    {"memfd", SYS_memfd_create, {0}, CALLS_MACHINE, EPERM},
    {"uname", SYS_uname, {0}, CALLS_MACHINE, EFAULT},
    {"clone3", SYS_clone3, {0}, CALLS_BASE, ENOSYS},
    {"thread", SYS_clone, {CLONE_THREAD}, CALLS_THREADS, EINVAL},
    {"affinity", SYS_sched_getaffinity, {0, 0, 0}, CALLS_THREADS, EINVAL},
    {"set-affinity", SYS_sched_setaffinity, {0, 0, 0}, CALLS_THREADS, EINVAL},
    {"barrier", SYS_membarrier, {-1, -1, 0}, CALLS_THREADS, EINVAL},
};

_Noreturn static void make_call(const struct sock_fprog *program, const Call *call)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0)
        _exit(100);
    errno = 0;
    (void)syscall(call->number, call->args[0], call->args[1], call->args[2], 0, 0, 0);
    _exit(errno);
}

static void check(unsigned profile, const Call *call)
{
    struct sock_fprog program;
    int status;

    g_assert_true(filter_compile(FILTER_KILL, profile, &program, NULL));
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        make_call(&program, call);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_free(program.filter);
    if (call->profile & ~profile) {
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, SIGSYS);
        return;
    }
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, call->errnum);
}

static void test_call(const void *data)
{
    static const unsigned all[] = {CALLS_THREADS, CALLS_SEARCHES, CALLS_MACHINE};

    check(CALLS_BASE, data);
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        check(all[i], data);
    check(CALLS_THREADS | CALLS_SEARCHES | CALLS_MACHINE, data);
}

/* No profile allows a new process. */
static void test_process(void)
{
    static const Call call = {"process", SYS_clone, {SIGCHLD}, CALLS_THREADS, 0};
    struct sock_fprog program;
    int status;

    g_assert_true(filter_compile(FILTER_KILL, CALLS_THREADS, &program, NULL));
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        make_call(&program, &call);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_free(program.filter);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_autofree char *path = g_strdup_printf("/call-filter/%s", calls[i].name);
        g_test_add_data_func(path, &calls[i], test_call);
    }
    g_test_add_func("/call-filter/process", test_process);
    return g_test_run();
}
