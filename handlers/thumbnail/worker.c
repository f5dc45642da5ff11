/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "attempt.h"
#include "clock.h"
#include "delivery.h"
#include "file.h"
#include "job.h"
#include "probe.h"
#include "sandbox.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the worker's only descriptors are, beside the standard ones. */
#define SOCKET_FD 3
#define RESET_FD  4 /* /proc/self/clear_refs, or closed */

_Noreturn static void die(int status, const char *message)
{
    g_autofree char *line = g_strdup_printf("thumbq-thumbnail: %s\n", message);
    (void)!write(STDERR_FILENO, line, strlen(line)); /* nobody is left to be told otherwise */
    _exit(status);
}

/* Nothing is inherited but the socket and stderr. */
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

/* So that the peak of the memory is that of this job, not of all jobs. */
static void reset_peak(void)
{
    (void)!write(RESET_FD, "5", 1); /* without it, the peak is of the process: still a bound */
}

/* Memory of this job, since the mark was reset; CPU time of all so far. Source: getrusage(2). */
static void tell_usage(WireResult *result)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage); /* fails on bad arguments only */
    result->memory_bytes = (int64_t)usage.ru_maxrss * 1024;
    result->cpu_us = clock_cpu_us(&usage);
}

/* What a worker has for its jobs, made once. */
typedef struct {
    uint8_t frame[WIRE_FRAME_MAX];
    WireJob job;
    WireResult result;
    Delivery delivery;
    int memory[WIRE_MEMORY_FILES_MAX]; /* memory files that are still empty, the oldest first */
    unsigned n_memory;
} Desk;

/* Keeps the memory file that may have come with the job. False if the frame was not as it must be.
 */
static bool take_descriptors(Desk *desk, const int *fds, size_t n_fds)
{
    if (desk->job.own_files)
        return n_fds == 1 + desk->job.n_renditions;
    if (n_fds < 1 || n_fds > 2 || (n_fds == 2 && desk->n_memory == WIRE_MEMORY_FILES_MAX))
        return false;
    if (n_fds == 2)
        desk->memory[desk->n_memory++] = fds[1];
    return true;
}

static void do_job(Desk *desk, const int *fds)
{
    bool own_files = desk->job.own_files;
    delivery_begin(&desk->delivery, &desk->job, own_files ? fds + 1 : NULL,
                   own_files || desk->n_memory == 0 ? -1 : desk->memory[0]);
    job_run(&desk->job, fds[0], &desk->delivery, &desk->result);
    if (desk->result.took_memory) {
        fd_clear(&desk->memory[0]);
        desk->n_memory--;
        memmove(&desk->memory[0], &desk->memory[1], desk->n_memory * sizeof desk->memory[0]);
    }
}

/* One frame in, one frame out. False at the end of the stream. */
static bool serve(const ForkRequest *request, Desk *desk)
{
    g_autoptr(GError) error = NULL;
    int fds[WIRE_FDS_MAX];
    size_t n_fds = 0;
    ssize_t len;
    if (!wire_receive(SOCKET_FD, desk->frame, &len, fds, WIRE_FDS_MAX, &n_fds, &error) ||
        (len > 0 && !wire_decode_job(desk->frame, (size_t)len, &desk->job, &error)))
        die(WORKER_EXIT_PROTOCOL, error->message);
    if (len <= 0)
        return false;
    if (!take_descriptors(desk, fds, n_fds))
        die(WORKER_EXIT_PROTOCOL, "a job came with the wrong descriptors");

    reset_peak();
    sandbox_start_job(request->timeout_us);
    do_job(desk, fds);
    for (size_t i = 0; i < (desk->job.own_files ? n_fds : 1); i++)
        fd_clear(&fds[i]);
    tell_usage(&desk->result);
    size_t result_len = wire_encode_result(&desk->result, desk->frame);
    if (!wire_send(SOCKET_FD, desk->frame, result_len, NULL, 0, &error))
        die(WORKER_EXIT_PROTOCOL, error->message);
    return true;
}

/*
 * GLib and libvips end the process where an allocation of theirs fails, after a message: the only
 * one that is of use here. All others are dropped.
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

/* Nothing of a file has been read until here. */
static void lock_in(const ForkRequest *request)
{
    g_autoptr(GError) error = NULL;
    const WorkerHello hello = {.version = FORKSERVER_VERSION};
    autofd listener = -1;
    if (!sandbox_enter(request, &listener, &error))
        die(WORKER_EXIT_SANDBOX, error->message);
    if (!wire_send(SOCKET_FD, &hello, sizeof hello, &listener, listener >= 0 ? 1 : 0, &error))
        die(WORKER_EXIT_PROTOCOL, error->message);
}

_Noreturn void worker_run(int socket_fd, const ForkRequest *request)
{
    g_log_set_writer_func(on_log, NULL, NULL);
    if (!settle_descriptors(socket_fd))
        die(WORKER_EXIT_SANDBOX, "sandbox: cannot settle descriptors");
    lock_in(request);
    if (request->probe != PROBE_NONE)
        attempt_run(SOCKET_FD, request);

    g_autofree Desk *desk = g_new0(Desk, 1);
    while (serve(request, desk))
        continue;
#ifdef THUMBQ_SANITIZE
    g_clear_pointer(&desk, g_free);
    exit(WORKER_EXIT_OK); /* with the search for leaks */
#else
    _exit(WORKER_EXIT_OK);
#endif
}
