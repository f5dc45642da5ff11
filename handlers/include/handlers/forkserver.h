/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of the daemon and the handler program for starting processes.
 *
 * The daemon executes `thumbq-thumbnail`, not once per worker, with an empty environment and a
 * SOCK_SEQPACKET socket as FORKSERVER_FD: this process is the fork server. It loads libvips, warms
 * it without starting a thread, and then answers each ForkRequest (with one descriptor: the new
 * worker's end of its own socket pair) with a ForkReply and, on success, a pidfd. It makes a worker
 * with clone(CLONE_PARENT): the worker is a child of the daemon, which alone reaps it and reads its
 * rusage. A worker enters its sandbox, sends a WorkerHello, and only then reads its first frame. It
 * serves invocations (wire.h) on its socket until that is closed, and exits 0. The fork server
 * exits when its socket is closed.
 */
#pragma once

#include <stdint.h>

#define FORKSERVER_FD      3
#define FORKSERVER_VERSION 3

typedef struct {
    uint32_t version;
    /* 0: serve invocations; otherwise a Probe (probe.h), which only `thumbq doctor` sends. */
    uint32_t probe;
    /* Address space for a worker beyond that of its start, bytes; 0: no limit. */
    int64_t memory_bytes;
    /* CPU time of a single invocation, rounded up to seconds. */
    int64_t timeout_us;
    /* Bytes, RLIMIT_FSIZE. */
    int64_t max_output_size;
    /* User and group of a worker that is started as root; 0: unchanged. */
    uint32_t uid, gid;
    /* Nice value at least, and idle I/O priority; 0: those of the daemon. */
    int32_t nice;
    int32_t unused;
} ForkRequest;

typedef struct {
    uint32_t version;
    /* pid of the worker, or -1. */
    int32_t pid;
    /* Why there is no worker. */
    int32_t errnum;
} ForkReply;

/*
 * The first frame of every worker. One descriptor comes with it, on which the kernel reports each
 * system call that the worker's filter forbids (violation.h). Without it (the kernel gives none)
 * the filter kills the worker by itself.
 */
typedef struct {
    uint32_t version;
} WorkerHello;

/* Exit statuses of a worker that mean something; any other means ERROR_HANDLER_CRASHED. */
#define WORKER_EXIT_OK 0
/* The worker could not enter its sandbox, or not send its WorkerHello; it read nothing. */
#define WORKER_EXIT_SANDBOX 70
/* An allocation failed where the worker could not go on. */
#define WORKER_EXIT_MEMORY 71
/* The daemon sent no known frame, or is gone. */
#define WORKER_EXIT_PROTOCOL 72
/* The file made a decoder ask for more memory than any picture of its size needs. */
#define WORKER_EXIT_CLAIM 73
