/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actions that a worker must not be able to do, each with how it is stopped: `thumbq doctor` tries
 * the list and the tests check it. A ForkRequest with a probe makes a worker that enters its
 * sandbox as always and then tries that one action instead of serving invocations
 * (thumbnail/attempt.c). The daemon never requests one; a worker cannot request anything from the
 * fork server.
 */
#pragma once

#include <stdint.h>

typedef enum {
    PROBE_NONE = 0,
    /* Files. */
    PROBE_OPEN_READ,
    PROBE_OPEN_WRITE,
    PROBE_OPEN_BENEATH,
    PROBE_STAT,
    PROBE_UNLINK,
    /* The network, and other processes on this machine. */
    PROBE_SOCKET_INET,
    PROBE_SOCKET_UNIX,
    PROBE_KILL_DAEMON,
    PROBE_KILL_WORKER,
    PROBE_KILL_THREAD,
    PROBE_PIDFD,
    PROBE_PTRACE,
    PROBE_OTHER_MEMORY,
    PROBE_OTHER_MEMORY_FILE,
    /* Programs, processes, code. */
    PROBE_EXECVE,
    PROBE_EXECVEAT,
    PROBE_MEMFD,
    PROBE_FORK,
    PROBE_VFORK,
    PROBE_CLONE3,
    PROBE_MMAP_CODE,
    PROBE_MPROTECT_CODE,
    PROBE_SHARED_MEMORY,
    /* The kernel. */
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
    /* Limits. */
    PROBE_OUTPUT,
    PROBE_MEMORY,
    PROBE_DESCRIPTORS,
    PROBE_THREADS,
    PROBE_CPU,
    /* Questions to a worker; no attempts. */
    PROBE_ENVIRONMENT,
    PROBE_LIBRARIES,
    PROBE_SIMD,
    /* Arguments that turn a call that workers need into another one. */
    PROBE_STAT_FLAG,
    PROBE_AFFINITY,
    PROBE_MADVISE,
    PROBE_MMAP_STACK,
    PROBE_MMAP_LOCKED,
    PROBE_MMAP_HUGE,
    PROBE_MREMAP,
    /* Landlock, without the filter. */
    PROBE_LANDLOCK_OPEN,
    PROBE_LANDLOCK_CONNECT,
    PROBE_LANDLOCK_SOCKET,
    PROBE_LANDLOCK_SIGNAL,
    PROBES_END,
} Probe;

/* How an attempt has to end. */
typedef enum {
    /* The filter stops system call `number`, and the worker with it. */
    PROBE_FORBIDDEN,
    /* The attempt fails with errno `number`, and the worker lives on. */
    PROBE_REFUSED,
    /* The attempt succeeds up to a limit, and then fails with errno `number`. */
    PROBE_LIMITED,
    /* The kernel ends the worker with signal `number`. */
    PROBE_ENDED,
    /* The worker answers a question. */
    PROBE_ANSWERED,
} ProbeEnd;

typedef struct {
    const char *name;
    /* The action that is tried. */
    const char *about;
    ProbeEnd end;
    int number;
    /*
     * The version of Landlock that stops it; it is tried without the filter then. 0: the filter
     * stops it.
     */
    int landlock;
    /*
     * The calls that the attempt is about (bits of CallProfile, programs.h). In a program whose
     * profile lacks them, the filter stops system call `without`. 0: the same in every program.
     */
    unsigned calls;
    int without;
} ProbeRow;

/* The row of each probe; that of PROBE_NONE has no name. */
extern const ProbeRow probe_rows[PROBES_END];

/*
 * The frame from prober.c to a worker with a probe. One descriptor comes with it, open for writing.
 * With PROBE_DESCRIPTORS more frames follow, of one byte with descriptors, and a last one without.
 */
typedef struct {
    /* Another worker, as the target; for probes of Landlock, of the same user. */
    int32_t worker_pid;
} ProbeTarget;

/* The outcome of a probe, as the worker reports it. */

typedef enum {
    /* The worker could do it. */
    PROBE_DONE = 1,
    /* The worker could not do it, for `errnum`. */
    PROBE_FAILED,
    /* The worker could do it up to `amount`, and then not, for `errnum`. */
    PROBE_STOPPED,
    /* The answer is `text`. */
    PROBE_ANSWER,
} ProbeOutcome;

#define PROBE_TEXT_MAX 256

/* The abstract name where the prober listens for PROBE_LANDLOCK_SOCKET, with its process id. */
#define PROBE_SOCKET_NAME "thumbq-doctor-%d"

/* The frame from a worker with a probe to prober.c, if the worker lives on. */
typedef struct {
    /* FORKSERVER_VERSION. */
    uint32_t version;
    uint32_t outcome;
    int32_t errnum;
    /* Bytes, descriptors, threads. */
    int64_t amount;
    char text[PROBE_TEXT_MAX];
} ProbeReport;
