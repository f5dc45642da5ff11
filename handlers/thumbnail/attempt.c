/* SPDX-License-Identifier: Apache-2.0 */
#include "attempt.h"

#include "formats/describe.h"
#include "handlers/probe.h"
#include "handlers/wire.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define BLOCK (64 << 10)
/* Frames with descriptors. */
#define FRAMES_MOST 100
/* Memory is not enough for more threads. */
#define THREADS_TOO 4000

/* A call of the x32 ABI: its number marks it as one of another architecture. */
#define X32_GETPID (0x40000000L + 39)

/* Reports that the attempt failed, with errno. */
static void fail(ProbeReport *report)
{
    report->outcome = PROBE_FAILED;
    report->errnum = errno;
}

/* Reports that the attempt came to a limit after this amount, with errno. */
static void stop(ProbeReport *report, int64_t amount)
{
    report->outcome = PROBE_STOPPED;
    report->errnum = errno;
    report->amount = amount;
}

/* A probe that is a single system call. */
typedef struct {
    Probe probe;
    long number, args[6];
} ProbeCall;

static const long page = 4096, read_write = PROT_READ | PROT_WRITE;

static bool find_call(const ProbeCall *calls, size_t n, Probe probe, ProbeCall *ret_call)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i].probe == probe) {
            *ret_call = calls[i];
            return true;
        }
    }
    return false;
}

/* Calls that name a file, or make a socket. */
static bool find_file_call(Probe probe, const char *scratch, ProbeCall *ret_call)
{
    const long here = AT_FDCWD;
    const ProbeCall calls[] = {
        {PROBE_OPEN_READ, SYS_openat, {here, (long)"/etc/passwd", O_RDONLY}},
        {PROBE_OPEN_WRITE, SYS_openat, {here, (long)"/tmp", O_TMPFILE | O_WRONLY, 0600}},
        {PROBE_OPEN_BENEATH, SYS_openat2, {here, (long)"/", (long)scratch, 24}},
        {PROBE_STAT, SYS_newfstatat, {here, (long)"/etc/passwd", (long)scratch, 0}},
        {PROBE_STAT_FLAG,
         SYS_newfstatat,
         {here, (long)"/etc/passwd", (long)scratch, AT_EMPTY_PATH}},
        {PROBE_UNLINK, SYS_unlinkat, {here, (long)"/nonexistent/thumbq-doctor", 0}},
        {PROBE_LANDLOCK_OPEN, SYS_openat, {here, (long)"/etc/passwd", O_RDONLY}},
        {PROBE_IOCTL, SYS_ioctl, {STDERR_FILENO, TIOCSTI, (long)scratch}},
        {PROBE_SOCKET_INET, SYS_socket, {AF_INET, SOCK_STREAM, 0}},
        {PROBE_SOCKET_UNIX, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    };
    return find_call(calls, G_N_ELEMENTS(calls), probe, ret_call);
}

/* Calls that make a process, or act on one: on the daemon, or on the worker `other`. */
static bool find_process_call(Probe probe, pid_t other, ProbeCall *ret_call)
{
    static char mem[32];
    static struct clone_args process = {.exit_signal = SIGCHLD};
    static char *const nothing[] = {NULL};
    const long here = AT_FDCWD;
    g_snprintf(mem, sizeof mem, "/proc/%d/mem", (int)other);
    const ProbeCall calls[] = {
        {PROBE_KILL_DAEMON, SYS_kill, {getppid(), 0}},
        {PROBE_KILL_WORKER, SYS_kill, {other, 0}},
        {PROBE_KILL_THREAD, SYS_tgkill, {getppid(), getppid(), 0}},
        {PROBE_LANDLOCK_SIGNAL, SYS_kill, {other, 0}},
        {PROBE_PIDFD, SYS_pidfd_open, {other, 0}},
        {PROBE_PTRACE, SYS_ptrace, {PTRACE_SEIZE, getppid(), 0, 0}},
        {PROBE_OTHER_MEMORY, SYS_process_vm_readv, {other, 0, 0, 0, 0, 0}},
        {PROBE_OTHER_MEMORY_FILE, SYS_openat, {here, (long)mem, O_RDONLY}},
        {PROBE_EXECVE, SYS_execve, {(long)"/bin/true", (long)nothing, (long)nothing}},
        {PROBE_EXECVEAT, SYS_execveat, {here, (long)"/bin/true", (long)nothing, (long)nothing, 0}},
        {PROBE_FORK, SYS_clone, {SIGCHLD, 0, 0, 0, 0}},
        {PROBE_CLONE3, SYS_clone3, {(long)&process, sizeof process}},
        /*
         * Without a mask the result is EFAULT, before the kernel checks the owner of the process.
         */
        {PROBE_AFFINITY, SYS_sched_setaffinity, {getppid(), sizeof(long), 0}},
#ifdef __x86_64__
        {PROBE_FOREIGN_CALL, X32_GETPID, {0}},
#endif
    };
    return find_call(calls, G_N_ELEMENTS(calls), probe, ret_call);
}

/* Calls that map memory, or change its use. */
static bool find_memory_call(Probe probe, const char *scratch, ProbeCall *ret_call)
{
    const long anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    const ProbeCall calls[] = {
        {PROBE_MEMFD, SYS_memfd_create, {(long)"code", 0}},
        {PROBE_MMAP_CODE, SYS_mmap, {0, page, read_write | PROT_EXEC, anonymous, -1, 0}},
        {PROBE_MPROTECT_CODE, SYS_mprotect, {(long)scratch, page, PROT_READ | PROT_EXEC}},
        {PROBE_SHARED_MEMORY, SYS_mmap, {0, page, read_write, MAP_SHARED | MAP_ANONYMOUS, -1, 0}},
        {PROBE_MADVISE, SYS_madvise, {(long)scratch, page, MADV_MERGEABLE}},
        {PROBE_MMAP_STACK, SYS_mmap, {0, page, read_write, anonymous | MAP_GROWSDOWN, -1, 0}},
        {PROBE_MMAP_LOCKED, SYS_mmap, {0, page, read_write, anonymous | MAP_LOCKED, -1, 0}},
        {PROBE_MMAP_HUGE, SYS_mmap, {0, page, read_write, anonymous | MAP_HUGETLB, -1, 0}},
        {PROBE_MREMAP,
         SYS_mremap,
         {(long)scratch, page, page, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */, 0}},
        {PROBE_USERFAULTFD, SYS_userfaultfd, {0}},
    };
    return find_call(calls, G_N_ELEMENTS(calls), probe, ret_call);
}

/* Calls that would give the process more rights, or reach further parts of the kernel. */
static bool find_kernel_call(Probe probe, const char *scratch, ProbeCall *ret_call)
{
    const ProbeCall calls[] = {
        {PROBE_MOUNT, SYS_mount, {0, (long)"/nonexistent", 0, 0, 0}},
        {PROBE_UNSHARE, SYS_unshare, {CLONE_NEWUSER}},
        {PROBE_SETNS, SYS_setns, {-1, 0}},
        {PROBE_CHROOT, SYS_chroot, {(long)"/"}},
        {PROBE_SETUID, SYS_setuid, {0}},
        {PROBE_CAPSET, SYS_capset, {0, 0}},
        {PROBE_DUMPABLE, SYS_prctl, {4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0}},
        {PROBE_RAISE_LIMIT, SYS_prlimit64, {0, RLIMIT_DATA, (long)scratch, 0}},
        {PROBE_IO_URING, SYS_io_uring_setup, {1, (long)scratch}},
        {PROBE_BPF, SYS_bpf, {-1, 0, 0}},
        {PROBE_KEYCTL, SYS_keyctl, {KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0}},
        {PROBE_PERF, SYS_perf_event_open, {(long)scratch, 0, -1, -1, 0}},
        {PROBE_MODULE, SYS_finit_module, {-1, (long)"", 0}},
    };
    return find_call(calls, G_N_ELEMENTS(calls), probe, ret_call);
}

/* Makes the forbidden system call of the probe, and reports whether it failed. */
static void try_call(Probe probe, pid_t other, ProbeReport *report)
{
    static char scratch[2 * 4096] __attribute__((aligned(4096)));
    ProbeCall call;
    long status = -1;
    errno = EINVAL;
    if (find_file_call(probe, scratch, &call) || find_process_call(probe, other, &call) ||
        find_memory_call(probe, scratch, &call) || find_kernel_call(probe, scratch, &call)) {
        const long *a = call.args;
        status = syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    if (status < 0)
        fail(report);
    /* The new process. */
    else if (status == 0 && (probe == PROBE_FORK || probe == PROBE_CLONE3))
        _exit(WORKER_EXIT_OK);
}

static void try_vfork(ProbeReport *report)
{
    pid_t pid = vfork();
    if (pid == 0)
        _exit(WORKER_EXIT_OK);
    if (pid < 0)
        fail(report);
}

/* Writes more than the limit, and reports how much could be written. */
static void try_output(const ForkRequest *request, int fd, ProbeReport *report)
{
    static const char block[BLOCK];
    int64_t written = 0;
    ssize_t n = 0;
    while (written <= request->max_output_size && (n = write(fd, block, sizeof block)) > 0)
        written += n;
    if (n < 0)
        stop(report, written);
}

/* Allocates more than the limit, and reports how much there was. */
static void try_memory(const ForkRequest *request, ProbeReport *report)
{
    int64_t held = 0;
    void *at = NULL;
    while (held <= request->memory_bytes) {
        at = mmap(NULL, 16 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            break;
        memset(at, 1, 16 * BLOCK);
        held += 16 * BLOCK;
    }
    if (at == MAP_FAILED)
        stop(report, held);
}

/*
 * Takes descriptors until one has no place. The kernel cuts a frame whose descriptors do not all
 * find a place, which wire_receive reports as an error. All frames are read, up to the one without
 * descriptors: if a process ends and leaves some unread, the prober would take its end for its
 * answer.
 */
static void try_descriptors(int socket_fd, ProbeReport *report)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    int fds[WIRE_FDS_MAX];
    int64_t held = 0;
    bool cut = false;
    for (int i = 0; i < FRAMES_MOST; i++) {
        ssize_t len;
        size_t n_fds;
        bool whole = wire_receive(socket_fd, buffer, &len, fds, WIRE_FDS_MAX, &n_fds, NULL);
        if (whole && n_fds == 0)
            break;
        held += whole ? (int64_t)n_fds : 0;
        cut = cut || !whole;
    }
    errno = EMFILE;
    if (cut)
        stop(report, held);
}

static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_ever(void *data)
{
    pthread_mutex_lock(&never);
    return data;
}

/* Starts threads until one cannot be started, and reports how many could. */
static void try_threads(ProbeReport *report)
{
    pthread_attr_t small;
    pthread_t thread;
    pthread_attr_init(&small);
    /* The limit of memory should not be reached first. */
    pthread_attr_setstacksize(&small, 16384);
    pthread_mutex_lock(&never);
    int64_t started = 0;
    while (started < THREADS_TOO) {
        errno = pthread_create(&thread, &small, wait_for_ever, NULL);
        if (errno != 0) {
            stop(report, started);
            return;
        }
        started++;
    }
}

/*
 * Connects a socket. A refusal of a socket comes from a filter around this process, and must not be
 * taken for one by Landlock.
 */
static void try_connect(int family, const struct sockaddr *address, socklen_t len,
                        ProbeReport *report)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        errno = ENOSYS;
    if (fd < 0 || connect(fd, address, len) != 0)
        fail(report);
}

static void try_landlock_network(ProbeReport *report)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        /* The port of discard. */
                                        .sin_port = htons(9),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    try_connect(AF_INET, (const struct sockaddr *)&address, sizeof address, report);
}

static void try_landlock_socket(ProbeReport *report)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = g_snprintf(address.sun_path + 1, sizeof address.sun_path - 1, PROBE_SOCKET_NAME,
                         (int)getppid());
    try_connect(AF_UNIX, (const struct sockaddr *)&address,
                (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)len, report);
}

_Noreturn static void try_cpu(const ForkRequest *request)
{
    volatile unsigned spins = 0;
    sandbox_begin_invocation(request->timeout_us);
    for (;;)
        spins++;
}

static void describe_probe(Probe probe, ProbeReport *report)
{
    report->outcome = PROBE_ANSWER;
    if (probe == PROBE_ENVIRONMENT)
        describe_environment(report->text, sizeof report->text);
    else if (probe == PROBE_LIBRARIES)
        describe_libraries(report->text, sizeof report->text);
    else
        describe_simd(report->text, sizeof report->text);
}

/* Tries the action of the probe, and fills in the report. Some attempts end this process. */
static void attempt(const ForkRequest *request, int socket_fd, int output_fd, pid_t other,
                    ProbeReport *report)
{
    switch ((Probe)request->probe) {
    case PROBE_VFORK:
        try_vfork(report);
        break;
    case PROBE_OUTPUT:
        try_output(request, output_fd, report);
        break;
    case PROBE_MEMORY:
        try_memory(request, report);
        break;
    case PROBE_DESCRIPTORS:
        try_descriptors(socket_fd, report);
        break;
    case PROBE_THREADS:
        try_threads(report);
        break;
    case PROBE_CPU:
        try_cpu(request);
    case PROBE_LANDLOCK_CONNECT:
        try_landlock_network(report);
        break;
    case PROBE_LANDLOCK_SOCKET:
        try_landlock_socket(report);
        break;
    case PROBE_ENVIRONMENT:
    case PROBE_LIBRARIES:
    case PROBE_SIMD:
        describe_probe((Probe)request->probe, report);
        break;
    default:
        try_call((Probe)request->probe, other, report);
    }
}

_Noreturn void attempt_run(int socket_fd, const ForkRequest *request)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    ProbeTarget target;
    ProbeReport report = {.version = FORKSERVER_VERSION, .outcome = PROBE_DONE};
    int output_fd;
    ssize_t len;
    size_t n_fds;
    if (!wire_receive(socket_fd, buffer, &len, &output_fd, 1, &n_fds, NULL) ||
        len != sizeof target || n_fds != 1)
        _exit(WORKER_EXIT_PROTOCOL);
    memcpy(&target, buffer, sizeof target);
    attempt(request, socket_fd, output_fd, target.worker_pid, &report);
    /* The prober notices a missing report, too. */
    (void)wire_send(socket_fd, &report, sizeof report, NULL, 0, NULL);
    _exit(WORKER_EXIT_OK);
}
