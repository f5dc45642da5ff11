/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon and the handler program say to each other about starting processes.
 *
 * The daemon executes `thumbq-thumbnail`, not once per worker, with an empty environment and a
 * SOCK_SEQPACKET socket as FORKSERVER_FD: this is the fork server. It loads libvips, warms it
 * without starting a thread, and then answers each ForkRequest (one descriptor with it: the new
 * worker's end of its own socket pair) with a ForkReply and, on success, a pidfd. The new worker is
 * made with clone(CLONE_PARENT): a child of the daemon, which alone reaps it and reads its rusage.
 * A worker locks itself in, says so with a WorkerHello, and only then reads its first frame; it
 * serves jobs (wire.h) on its socket until that is closed, and exits 0. The fork server exits when
 * its socket is closed.
 */
#pragma once

#include <stdint.h>

#define FORKSERVER_FD      3
#define FORKSERVER_VERSION 2

typedef struct {
    uint32_t version;
    uint32_t probe; /* 0: serve jobs; else a Probe (probe.h), which only `thumbq doctor` sends */
    int64_t
        memory_bytes;   /* address space a worker may use beyond what it starts with; 0: no limit */
    int64_t timeout_us; /* CPU time a single job may take, rounded up to seconds */
    int64_t max_output_size; /* bytes, RLIMIT_FSIZE */
    uint32_t uid, gid;       /* become these when started as root; 0: stay */
} ForkRequest;

typedef struct {
    uint32_t version;
    int32_t pid;    /* of the worker, or -1 */
    int32_t errnum; /* why there is none */
} ForkReply;

/*
 * The first frame of every worker. With it comes one descriptor, on which the kernel tells of each
 * system call that the worker's filter forbids (violation.h); none where the kernel gives none: the
 * filter then kills the worker by itself.
 */
typedef struct {
    uint32_t version;
} WorkerHello;

/* Exit statuses of a worker that mean something; anything else is handler_crashed. */
#define WORKER_EXIT_OK       0
#define WORKER_EXIT_SANDBOX  70 /* could not lock itself in: nothing was read */
#define WORKER_EXIT_MEMORY   71 /* an allocation failed where nothing else could be done */
#define WORKER_EXIT_PROTOCOL 72 /* the daemon sent no frame it knows, or is gone */
