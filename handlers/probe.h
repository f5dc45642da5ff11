/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker must not be able to do, each thing with how it is stopped: the list that `thumbq
 * doctor` tries and the tests check. A ForkRequest with a probe makes a worker that, once locked in
 * as ever, tries that one thing instead of serving jobs (thumbnail/attempt.c), and this is all it
 * does. The daemon never asks for one; a worker can ask the fork server for nothing.
 */
#pragma once

#include <stdint.h>

typedef enum {
    PROBE_NONE = 0,
    /* files */
    PROBE_OPEN_READ,
    PROBE_OPEN_WRITE,
    PROBE_OPEN_BENEATH,
    PROBE_STAT,
    PROBE_UNLINK,
    /* the network, and other processes on this machine */
    PROBE_SOCKET_INET,
    PROBE_SOCKET_UNIX,
    PROBE_KILL_DAEMON,
    PROBE_KILL_WORKER,
    PROBE_KILL_THREAD,
    PROBE_PIDFD,
    PROBE_PTRACE,
    PROBE_OTHER_MEMORY,
    PROBE_OTHER_MEMORY_FILE,
    /* programs, processes, code */
    PROBE_EXECVE,
    PROBE_EXECVEAT,
    PROBE_MEMFD,
    PROBE_FORK,
    PROBE_VFORK,
    PROBE_CLONE3,
    PROBE_MMAP_CODE,
    PROBE_MPROTECT_CODE,
    PROBE_SHARED_MEMORY,
    /* the kernel */
    PROBE_MOUNT,
    PROBE_UNSHARE,
    PROBE_SETNS,
    PROBE_CHROOT,
    PROBE_SETUID,
    PROBE_CAPSET,
    PROBE_DUMPABLE,
    PROBE_RAISE_LIMIT,
    PROBE_IO_URING,
    PROBE_BPF,
    PROBE_KEYCTL,
    PROBE_PERF,
    PROBE_USERFAULTFD,
    PROBE_MODULE,
    PROBE_IOCTL,
    PROBE_FOREIGN_CALL,
    /* limits */
    PROBE_OUTPUT,
    PROBE_MEMORY,
    PROBE_DESCRIPTORS,
    PROBE_THREADS,
    PROBE_CPU,
    /* no attempts: what a worker can say of itself */
    PROBE_ENVIRONMENT,
    PROBE_LIBRARIES,
    PROBE_SIMD,
    /* arguments that turn a call that workers need into another one */
    PROBE_STAT_FLAG,
    PROBE_AFFINITY,
    PROBE_MADVISE,
    PROBE_MMAP_STACK,
    PROBE_MMAP_LOCKED,
    PROBE_MMAP_HUGE,
    PROBE_MREMAP,
    /* without the filter: what Landlock holds by itself */
    PROBE_LANDLOCK_OPEN,
    PROBE_LANDLOCK_CONNECT,
    PROBE_LANDLOCK_SOCKET,
    PROBE_LANDLOCK_SIGNAL,
    PROBES_END,
} Probe;

/* How an attempt has to end. */
typedef enum {
    PROBE_FORBIDDEN, /* the filter stops system call `number`, and the worker with it */
    PROBE_REFUSED,   /* it fails with errno `number`, and the worker lives on */
    PROBE_LIMITED,   /* it succeeds up to a limit, and then fails with errno `number` */
    PROBE_ENDED,     /* the kernel ends the worker with signal `number` */
    PROBE_TOLD,      /* the worker answers a question */
} ProbeEnd;

typedef struct {
    const char *name;
    const char *about; /* what is tried */
    ProbeEnd end;
    int number;
    int landlock; /* of this version stops it, and is tried without the filter; 0: the filter */
} ProbeRow;

/* The row of each probe; that of PROBE_NONE has no name. */
extern const ProbeRow probe_rows[PROBES_END];

/* ---- between prober.c and a worker that was asked for with a probe */

/* The one frame it gets. With it comes one descriptor, open for writing. */
typedef struct {
    int32_t worker_pid; /* another worker, to be reached for; with Landlock's, of the same user */
} ProbeTarget;

/* Then, with PROBE_DESCRIPTORS, come frames of one byte with descriptors, and one without. */

typedef enum {
    PROBE_DONE = 1, /* it could do it */
    PROBE_FAILED,   /* it could not: errnum */
    PROBE_STOPPED,  /* it could, up to `amount`, and then not: errnum */
    PROBE_SAID,     /* the answer is `text` */
} ProbeOutcome;

#define PROBE_TEXT_MAX 256

/* Where the prober listens for PROBE_LANDLOCK_SOCKET: its process id, as an abstract name. */
#define PROBE_SOCKET_NAME "thumbq-doctor-%d"

/* Its answer, if it lives to give one. */
typedef struct {
    uint32_t version; /* FORKSERVER_VERSION */
    uint32_t outcome;
    int32_t errnum;
    int64_t amount; /* bytes, descriptors, threads */
    char text[PROBE_TEXT_MAX];
} ProbeReport;
