/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "attempt.h"
#include "base/clock.h"
#include "base/file.h"
#include "delivery.h"
#include "handlers/probe.h"
#include "handlers/wire.h"
#include "sandbox/sandbox.h"
#include "worker_order.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ioprio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The worker's only descriptors beside the standard ones. */
#define SOCKET_FD 3
/* /proc/self/clear_refs, or closed. */
#define RESET_FD 4

_Noreturn static void die(int status, const char *message)
{
    g_autofree char *line = g_strdup_printf("%s: %s\n", program_invocation_short_name, message);
    /* A failure is ignored: the process has no other way to report. */
    (void)!write(STDERR_FILENO, line, strlen(line));
    _exit(status);
}

/*
 * Keeps only the socket and stderr of the inherited descriptors. Opens the file that resets the
 * peak of memory as RESET_FD.
 */
static bool settle_descriptors(int socket_fd)
{
    autofd null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return false;
    fd_clear(&null);
    if (socket_fd != SOCKET_FD && dup2(socket_fd, SOCKET_FD) < 0)
        return false;
    if (close_range(SOCKET_FD + 1, UINT_MAX, 0) != 0)
        return false;
    int reset = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    return reset < 0 || reset == RESET_FD;
}

/* Resets the peak of memory, so that it becomes that of this invocation, not of all invocations. */
static void reset_peak(void)
{
    /* Without the reset, the peak of the whole process is still an upper bound. */
    (void)!write(RESET_FD, "5", 1);
}

/*
 * Sets the memory of this invocation, since the peak was reset, and the CPU time of all invocations
 * so far. Source: getrusage(2).
 */
static void fill_usage(WireResult *result)
{
    struct rusage usage = {0};
    /* The call fails only for wrong arguments. */
    (void)getrusage(RUSAGE_SELF, &usage);
    result->memory_bytes = (int64_t)usage.ru_maxrss * 1024;
    result->cpu_us = clock_cpu_us(&usage);
}

/* The memory that a worker reuses for its invocations. */
typedef struct {
    uint8_t frame[WIRE_FRAME_MAX];
    WireOrder order;
    WireResult result;
    OutputDelivery delivery;
    /* Memory files that are still empty, the oldest first. */
    int memory[WIRE_MEMORY_FILES_MAX];
    unsigned n_memory;
} WorkerBuffers;

/*
 * Keeps the memory file that may have come with the invocation. False if the number of descriptors
 * is wrong.
 */
static bool accept_descriptors(WorkerBuffers *buffers, const int *fds, size_t n_fds)
{
    if (buffers->order.own_files)
        return n_fds == 1 + buffers->order.n_renditions;
    if (n_fds < 1 || n_fds > 2 || (n_fds == 2 && buffers->n_memory == WIRE_MEMORY_FILES_MAX))
        return false;
    if (n_fds == 2)
        buffers->memory[buffers->n_memory++] = fds[1];
    return true;
}

/* Carries out the order in the buffers. A memory file that it filled is used up. */
static void do_order(WorkerBuffers *buffers, const int *fds)
{
    bool own_files = buffers->order.own_files;
    delivery_begin(&buffers->delivery, &buffers->order, own_files ? fds + 1 : NULL,
                   own_files || buffers->n_memory == 0 ? -1 : buffers->memory[0]);
    worker_order_run(&buffers->order, fds[0], &buffers->delivery, &buffers->result);
    if (buffers->result.filled_memory) {
        fd_clear(&buffers->memory[0]);
        buffers->n_memory--;
        memmove(&buffers->memory[0], &buffers->memory[1],
                buffers->n_memory * sizeof buffers->memory[0]);
    }
}

/* Reads one frame, does its invocation, and answers with one frame. False at the end of the stream.
 */
static bool serve(const ForkRequest *request, WorkerBuffers *buffers)
{
    g_autoptr(GError) error = NULL;
    int fds[WIRE_FDS_MAX];
    size_t n_fds = 0;
    ssize_t len;
    if (!wire_receive(SOCKET_FD, buffers->frame, &len, fds, WIRE_FDS_MAX, &n_fds, &error) ||
        (len > 0 && !wire_decode_order(buffers->frame, (size_t)len, &buffers->order, &error)))
        die(WORKER_EXIT_PROTOCOL, error->message);
    if (len <= 0)
        return false;
    if (!accept_descriptors(buffers, fds, n_fds))
        die(WORKER_EXIT_PROTOCOL, "an order came with the wrong descriptors");

    reset_peak();
    sandbox_begin_invocation(request->timeout_us);
    do_order(buffers, fds);
    for (size_t i = 0; i < (buffers->order.own_files ? n_fds : 1); i++)
        fd_clear(&fds[i]);
    fill_usage(&buffers->result);
    size_t result_len = wire_encode_result(&buffers->result, buffers->frame);
    if (!wire_send(SOCKET_FD, buffers->frame, result_len, NULL, 0, &error))
        die(WORKER_EXIT_PROTOCOL, error->message);
    return true;
}

/*
 * Drops all messages of GLib and libvips but one: they end the process after a message if an
 * allocation of theirs fails.
 */
static GLogWriterOutput on_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                               void *data)
{
    (void)data;
    for (gsize i = 0; level & G_LOG_LEVEL_ERROR && i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0 &&
            g_strstr_len(fields[i].value, fields[i].length, "failed to allocate") != NULL)
            _exit(WORKER_EXIT_MEMORY);
    }
    return G_LOG_WRITER_HANDLED;
}

/*
 * Leaves processor and disk to all other processes that need them. Never raises the priority that
 * the process was started with. If a service manager refuses it, the invocation is done all the
 * same.
 */
static void lower_priority(const ForkRequest *request)
{
    if (request->nice <= 0)
        return;
    (void)setpriority(PRIO_PROCESS, 0, MAX(getpriority(PRIO_PROCESS, 0), request->nice));
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

/*
 * Tells the daemon that the worker is in its sandbox, and hands it the listener of the filter of
 * calls.
 */
static bool greet(int listener_fd, GError **error)
{
    const WorkerHello hello = {.version = FORKSERVER_VERSION};
    return wire_send(SOCKET_FD, &hello, sizeof hello, &listener_fd, listener_fd >= 0 ? 1 : 0,
                     error);
}

/*
 * Enters the sandbox and sends the greeting. No byte of a file was read before. The daemon cannot
 * use a worker whose greeting the kernel refuses; that is no fault of the file that waits for it.
 */
static void lock_in(const ForkRequest *request)
{
    g_autoptr(GError) error = NULL;
    autofd listener = -1;
    if (!sandbox_enter(request, &listener, &error))
        die(WORKER_EXIT_SANDBOX, error->message);
    /* The first attempt fails if many descriptors of this user are on their way. */
    bool is_sent =
        greet(listener, NULL) || (sandbox_widen_descriptors(&error) && greet(listener, &error));
    if (!is_sent || !sandbox_limit_descriptors(&error))
        die(WORKER_EXIT_SANDBOX, error->message);
}

_Noreturn void worker_run(int socket_fd, const ForkRequest *request)
{
    g_log_set_writer_func(on_log, NULL, NULL);
    if (!settle_descriptors(socket_fd))
        die(WORKER_EXIT_SANDBOX, "sandbox: cannot settle descriptors");
    lower_priority(request);
    lock_in(request);
    if (request->probe != PROBE_NONE)
        attempt_run(SOCKET_FD, request);

    g_autofree WorkerBuffers *buffers = g_new0(WorkerBuffers, 1);
    while (serve(request, buffers))
        continue;
#ifdef THUMBQ_SANITIZE
    g_clear_pointer(&buffers, g_free);
    /* exit() searches for leaks. */
    exit(WORKER_EXIT_OK);
#else
    _exit(WORKER_EXIT_OK);
#endif
}
