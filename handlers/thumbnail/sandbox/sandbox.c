/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include "base/error.h"
#include "base/file.h"
#include "handlers/landlock.h"
#include "handlers/probe.h"
#include "handlers/tasks.h"
#include "sandbox/call_filter.h"

#include <errno.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * The socket, the standard ones, the reset of the peak, and the descriptors of an invocation, with
 * room to spare.
 */
#define DESCRIPTORS_MAX 64

/*
 * A sanitizer's shadow memory is terabytes; it maps shared memory, reads /proc, and forks to search
 * for leaks. So its build has no limit of memory, stays dumpable, and enters neither Landlock nor
 * the filter.
 */
#ifdef THUMBQ_SANITIZE
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static struct sock_fprog filter_notify, filter_kill;
static pid_t daemon_pid;

bool sandbox_prepare(unsigned profile, GError **error)
{
    daemon_pid = getppid();
    return filter_compile(FILTER_NOTIFY, profile, &filter_notify, error) &&
           filter_compile(FILTER_KILL, profile, &filter_kill, error);
}

static bool fail(const char *step, GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_INTERNAL, "sandbox: %s: %s", step, g_strerror(errno));
    return false;
}

/* Sets both the soft and the hard limit of a resource. */
static bool limit(int resource, uint64_t value)
{
    const struct rlimit both = {.rlim_cur = value, .rlim_max = value};
    return setrlimit((__rlimit_resource_t)resource, &both) == 0;
}

/* Sets the limit that counts. This process can raise it again, up to the hard limit. */
static bool limit_soft(int resource, uint64_t value)
{
    struct rlimit both;
    if (getrlimit((__rlimit_resource_t)resource, &both) != 0)
        return false;
    both.rlim_cur = MIN(value, both.rlim_max);
    return setrlimit((__rlimit_resource_t)resource, &both) == 0;
}

/* Reads the private writable memory of this process, in bytes, as RLIMIT_DATA counts it. */
static bool data_bytes(uint64_t *ret_bytes)
{
    g_autofree char *text = file_read("/proc/self/statm", 256, NULL, NULL);
    unsigned long long pages;
    if (text == NULL || sscanf(text, "%*u %*u %*u %*u %*u %llu", &pages) != 1)
        return false;
    *ret_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

/*
 * Limits memory by RLIMIT_DATA and not RLIMIT_AS: the source is mapped whole, and the kernel may
 * drop its pages. The filter refuses to map memory shared and writable.
 */
static bool limit_memory(const ForkRequest *request)
{
    uint64_t data;
    return request->memory_bytes <= 0 || IS_SANITIZED ||
           (data_bytes(&data) && limit(RLIMIT_DATA, data + (uint64_t)request->memory_bytes));
}

/*
 * Limits tasks. A lower limit that is set already stays, as does the current one if /proc has no
 * count.
 */
static bool limit_tasks(const ForkRequest *request)
{
    int64_t tasks = request->uid != 0 ? 0 : tasks_count();
    uint64_t most = request->uid != 0 ? TASKS_ALONE : (uint64_t)(tasks + TASKS_MORE);
    struct rlimit now;
    return tasks < 0 || (getrlimit(RLIMIT_NPROC, &now) == 0 &&
                         (now.rlim_cur <= most || limit(RLIMIT_NPROC, most)));
}

/* Sets the resource limits of the worker. */
static bool limit_resources(const ForkRequest *request, GError **error)
{
    if (!limit_memory(request))
        return fail("cannot limit memory", error);
    /*
     * With SIGXFSZ ignored, write(2) fails at the limit, which says more than a death by the
     * signal.
     */
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
        !limit(RLIMIT_FSIZE, (uint64_t)MAX(request->max_output_size, 0)))
        return fail("cannot limit output", error);
    if (!limit(RLIMIT_CORE, 0) || !limit_soft(RLIMIT_NOFILE, DESCRIPTORS_MAX))
        return fail("cannot limit descriptors", error);
    if (!limit_tasks(request))
        return fail("cannot limit threads", error);
    return true;
}

static bool drop_user(const ForkRequest *request, GError **error)
{
    if (request->gid != 0 &&
        (setgroups(0, NULL) != 0 || setresgid(request->gid, request->gid, request->gid) != 0))
        return fail("cannot change the group", error);
    if (request->uid != 0 && setresuid(request->uid, request->uid, request->uid) != 0)
        return fail("cannot change the user", error);
    return true;
}

/*
 * Has the kernel kill this process when the daemon ends. Called after the change of user, which
 * would undo it.
 */
static bool die_with_daemon(GError **error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return fail("cannot follow the daemon", error);
    errno = ESRCH;
    return getppid() == daemon_pid || fail("the daemon is gone", error);
}

/*
 * Enters Landlock, if the kernel has it: this process can open no file, reach no service and signal
 * no process. The filter has the same effect; Landlock holds even if the filter has a hole.
 */
static bool close_world(GError **error)
{
/* A sanitizer reads /proc to search for leaks. */
#ifndef THUMBQ_SANITIZE
    return landlock_enter() || fail("cannot enter Landlock", error);
#else
    (void)error;
    return true;
#endif
}

/*
 * Replaces stderr by /dev/null: people and scripts believe the daemon's log, so a process that
 * parses files may not write to it. The last step before the filter, so that the earlier steps can
 * still report what fails.
 */
static bool leave_log(GError **error)
{
    return dup2(STDIN_FILENO, STDERR_FILENO) >= 0 || fail("cannot leave the log", error);
}

/*
 * Enters the filter. A violation is reported with the name of the call. A SIGSYS handler in this
 * process could report it, but an attacker in the process could replace the handler, and live on.
 * So the kernel notifies the daemon: the call is never done, its thread waits for an answer that
 * never comes, and the daemon kills. No code in this process can hide, answer or forge the notice:
 * the listener is given away before the first byte of a file is read, and its ioctl is refused here
 * in any case. The end of the daemon kills workers, too; until then such calls fail with ENOSYS.
 *
 * The kernel refuses a listener (EBUSY) to a process that has one already, as some container
 * managers do. The filter kills by itself then, and the name of the call is not known.
 */
static bool filter_system_calls(int *ret_listener_fd, GError **error)
{
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                          &filter_notify);
    if (fd < 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter_kill) != 0)
        return fail("cannot filter system calls", error);
    *ret_listener_fd = fd;
    return true;
}

/* True for probes of Landlock: its effect can only be seen without the filter. */
static bool is_without_filter(const ForkRequest *request)
{
    return request->probe < PROBES_END && probe_rows[request->probe].landlock > 0;
}

bool sandbox_enter(const ForkRequest *request, int *ret_listener_fd, GError **error)
{
    *ret_listener_fd = -1;
    if (!drop_user(request, error) || !die_with_daemon(error) || !limit_resources(request, error))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail("cannot give up new privileges", error);
    if (IS_SANITIZED)
        return true;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail("cannot become undumpable", error);
    return close_world(error) && leave_log(error) &&
           (is_without_filter(request) || filter_system_calls(ret_listener_fd, error));
}

bool sandbox_widen_descriptors(GError **error)
{
    return limit_soft(RLIMIT_NOFILE, RLIM_INFINITY) || fail("cannot raise a limit", error);
}

bool sandbox_limit_descriptors(GError **error)
{
    struct rlimit now;

    return (getrlimit(RLIMIT_NOFILE, &now) == 0 &&
            limit(RLIMIT_NOFILE, MIN((uint64_t)DESCRIPTORS_MAX, now.rlim_max))) ||
           fail("cannot limit descriptors", error);
}

void sandbox_begin_invocation(int64_t timeout_us)
{
    struct timespec used;
    struct rlimit cpu;
    if (timeout_us <= 0 || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 ||
        getrlimit(RLIMIT_CPU, &cpu) != 0)
        return;
    /* The first second counts as begun. If this limit fails, the daemon kills by its own clock. */
    cpu.rlim_cur =
        (rlim_t)used.tv_sec + 1 + (rlim_t)((timeout_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
    (void)setrlimit(RLIMIT_CPU, &cpu);
}
