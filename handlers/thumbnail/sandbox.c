/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox.h"

#include "error.h"
#include "file.h"
#include "filter.h"
#include "landlock.h"
#include "probe.h"
#include "tasks.h"

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

/* Socket, standard ones, reset of the peak, and a job's descriptors, with room to spare. */
#define DESCRIPTORS_MAX 64

/*
 * A sanitizer's shadow memory is terabytes; it maps memory shared, reads /proc, and forks to look
 * for leaks. So its build goes without the limit of memory and without what comes last.
 */
#ifdef THUMBQ_SANITIZE
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static struct sock_fprog filter_tell, filter_kill;
static pid_t daemon_pid;

bool sandbox_prepare(GError **error)
{
    daemon_pid = getppid();
    return filter_compile(FILTER_TELL, &filter_tell, error) &&
           filter_compile(FILTER_KILL, &filter_kill, error);
}

static bool fail(const char *step, GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_INTERNAL, "sandbox: %s: %s", step, g_strerror(errno));
    return false;
}

static bool limit(int resource, uint64_t value)
{
    const struct rlimit both = {.rlim_cur = value, .rlim_max = value};
    return setrlimit((__rlimit_resource_t)resource, &both) == 0;
}

/* Private writable memory of this process, in bytes: what RLIMIT_DATA counts. */
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
 * RLIMIT_DATA and not RLIMIT_AS: the source is mapped whole, and its pages are the kernel's to
 * drop. What else could be mapped shared and writable, the filter refuses.
 */
static bool limit_memory(const ForkRequest *request)
{
    uint64_t data;
    return request->memory_bytes <= 0 || IS_SANITIZED ||
           (data_bytes(&data) && limit(RLIMIT_DATA, data + (uint64_t)request->memory_bytes));
}

/* The limit that it has already is kept where that is lower, and where /proc does not tell. */
static bool limit_tasks(const ForkRequest *request)
{
    int64_t tasks = request->uid != 0 ? 0 : tasks_count();
    uint64_t most = request->uid != 0 ? TASKS_ALONE : (uint64_t)(tasks + TASKS_MORE);
    struct rlimit now;
    return tasks < 0 || (getrlimit(RLIMIT_NPROC, &now) == 0 &&
                         (now.rlim_cur <= most || limit(RLIMIT_NPROC, most)));
}

static bool limit_resources(const ForkRequest *request, GError **error)
{
    if (!limit_memory(request))
        return fail("cannot limit memory", error);
    /* Reaching the size is an error of write(2), which says more than SIGXFSZ. */
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
        !limit(RLIMIT_FSIZE, (uint64_t)MAX(request->max_output_size, 0)))
        return fail("cannot limit output", error);
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NOFILE, DESCRIPTORS_MAX))
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

/* After the change of user, which would undo it. */
static bool die_with_daemon(GError **error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return fail("cannot follow the daemon", error);
    errno = ESRCH;
    return getppid() == daemon_pid || fail("the daemon is gone", error);
}

/*
 * Landlock, where it is there: no file can be opened for anything, nothing reached, nothing
 * signalled. The filter says the same; this holds even where the filter had a hole.
 */
static bool close_world(GError **error)
{
#ifndef THUMBQ_SANITIZE /* which reads /proc to look for leaks */
    return landlock_enter() || fail("cannot enter Landlock", error);
#else
    (void)error;
    return true;
#endif
}

/*
 * The daemon's log is what people and scripts believe: nothing that parses files may write to it.
 * The last step before the filter, so that the steps until here can still say what fails.
 */
static bool leave_log(GError **error)
{
    return dup2(STDIN_FILENO, STDERR_FILENO) >= 0 || fail("cannot leave the log", error);
}

/*
 * A violation is to be reported by the call's name. A SIGSYS handler in this process could tell it,
 * but whoever has taken the process over could take the handler's place too, and live on. So the
 * kernel tells the daemon: the call is never done, its thread waits for an answer that never comes,
 * and the daemon kills. Nothing in this process can hide it, answer it or forge it: the listener is
 * given away before the first byte of a file is read, and its ioctl is refused here in any case.
 * The daemon's own end kills workers too; until it does, such calls fail with ENOSYS.
 *
 * The kernel refuses a listener (EBUSY) to a process that has one already, which some container
 * managers do: the filter then kills by itself, and the call stays nameless.
 */
static bool filter_system_calls(int *ret_listener_fd, GError **error)
{
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                          &filter_tell);
    if (fd < 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter_kill) != 0)
        return fail("cannot filter system calls", error);
    *ret_listener_fd = fd;
    return true;
}

/* What Landlock keeps from a worker can only be seen where the filter does not. */
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

void sandbox_start_job(int64_t timeout_us)
{
    struct timespec used;
    struct rlimit cpu;
    if (timeout_us <= 0 || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 ||
        getrlimit(RLIMIT_CPU, &cpu) != 0)
        return;
    /* The first second is counted as begun. The daemon's own clock kills whatever gets past this.
     */
    cpu.rlim_cur =
        (rlim_t)used.tv_sec + 1 + (rlim_t)((timeout_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
    (void)setrlimit(RLIMIT_CPU, &cpu);
}
