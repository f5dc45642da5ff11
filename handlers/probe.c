/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/probe.h"

#include "handlers/landlock.h"
#include "handlers/programs.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

const ProbeRow probe_rows[PROBES_END] = {
    [PROBE_OPEN_READ] = {"open-read", "open /etc/passwd", PROBE_REFUSED, EACCES, 0, CALLS_SEARCHES,
                         SYS_openat},
    [PROBE_OPEN_WRITE] = {"open-write", "make a file in /tmp", PROBE_REFUSED, EACCES, 0,
                          CALLS_SEARCHES, SYS_openat},
    [PROBE_OPEN_BENEATH] = {"openat2", "open / with openat2", PROBE_FORBIDDEN, SYS_openat2},
    [PROBE_STAT] = {"stat", "look at /etc/passwd", PROBE_REFUSED, EACCES},
    [PROBE_UNLINK] = {"unlink", "delete a file", PROBE_FORBIDDEN, SYS_unlinkat},

    [PROBE_SOCKET_INET] = {"socket-inet", "reach a network", PROBE_FORBIDDEN, SYS_socket},
    [PROBE_SOCKET_UNIX] = {"socket-unix", "reach a local service", PROBE_FORBIDDEN, SYS_socket},
    [PROBE_KILL_DAEMON] = {"kill-daemon", "signal the daemon", PROBE_FORBIDDEN, SYS_kill},
    [PROBE_KILL_WORKER] = {"kill-worker", "signal another worker", PROBE_FORBIDDEN, SYS_kill},
    [PROBE_KILL_THREAD] = {"tgkill", "signal a thread of the daemon", PROBE_REFUSED, EPERM},
    [PROBE_PIDFD] = {"pidfd", "get hold of another worker", PROBE_FORBIDDEN, SYS_pidfd_open},
    [PROBE_PTRACE] = {"ptrace", "trace the daemon", PROBE_FORBIDDEN, SYS_ptrace},
    [PROBE_OTHER_MEMORY] = {"process-vm", "read another worker's memory", PROBE_FORBIDDEN,
                            SYS_process_vm_readv},
    [PROBE_OTHER_MEMORY_FILE] = {"proc-mem", "open /proc/PID/mem of another worker", PROBE_REFUSED,
                                 EACCES, 0, CALLS_SEARCHES, SYS_openat},

    [PROBE_EXECVE] = {"execve", "run a program", PROBE_FORBIDDEN, SYS_execve},
    [PROBE_EXECVEAT] = {"execveat", "run a program from a descriptor", PROBE_FORBIDDEN,
                        SYS_execveat},
    [PROBE_MEMFD] = {"memfd", "make a file in memory", PROBE_REFUSED, EPERM, 0, CALLS_MACHINE,
                     SYS_memfd_create},
    [PROBE_FORK] = {"fork", "make a process", PROBE_FORBIDDEN, SYS_clone},
#ifdef SYS_vfork
    [PROBE_VFORK] = {"vfork", "make a process with vfork", PROBE_FORBIDDEN, SYS_vfork},
#else
    [PROBE_VFORK] = {"vfork", "make a process with vfork", PROBE_FORBIDDEN, SYS_clone},
#endif
    [PROBE_CLONE3] = {"clone3", "make a process with clone3", PROBE_REFUSED, ENOSYS},
    [PROBE_MMAP_CODE] = {"mmap-exec", "map memory as code", PROBE_FORBIDDEN, SYS_mmap},
    [PROBE_MPROTECT_CODE] = {"mprotect-exec", "turn memory into code", PROBE_FORBIDDEN,
                             SYS_mprotect},
    [PROBE_SHARED_MEMORY] = {"mmap-shared", "map memory that no limit counts", PROBE_FORBIDDEN,
                             SYS_mmap},

    [PROBE_MOUNT] = {"mount", "mount a file system", PROBE_FORBIDDEN, SYS_mount},
    [PROBE_UNSHARE] = {"unshare", "become root of a namespace", PROBE_FORBIDDEN, SYS_unshare},
    [PROBE_SETNS] = {"setns", "enter a namespace", PROBE_FORBIDDEN, SYS_setns},
    [PROBE_CHROOT] = {"chroot", "change the root", PROBE_FORBIDDEN, SYS_chroot},
    [PROBE_SETUID] = {"setuid", "become root", PROBE_FORBIDDEN, SYS_setuid},
    [PROBE_CAPSET] = {"capset", "change capabilities", PROBE_FORBIDDEN, SYS_capset},
    [PROBE_DUMPABLE] = {"prctl", "make itself dumpable", PROBE_REFUSED, EPERM, 0, CALLS_MACHINE,
                        SYS_prctl},
    [PROBE_RAISE_LIMIT] = {"setrlimit", "raise a limit of its own", PROBE_FORBIDDEN, SYS_prlimit64},
    [PROBE_IO_URING] = {"io-uring", "set up io_uring", PROBE_FORBIDDEN, SYS_io_uring_setup},
    [PROBE_BPF] = {"bpf", "load a BPF program", PROBE_FORBIDDEN, SYS_bpf},
    [PROBE_KEYCTL] = {"keyctl", "reach a keyring", PROBE_FORBIDDEN, SYS_keyctl},
    [PROBE_PERF] = {"perf", "open a performance counter", PROBE_FORBIDDEN, SYS_perf_event_open},
    [PROBE_USERFAULTFD] = {"userfaultfd", "handle page faults", PROBE_FORBIDDEN, SYS_userfaultfd},
    [PROBE_MODULE] = {"module", "load a kernel module", PROBE_FORBIDDEN, SYS_finit_module},
    [PROBE_IOCTL] = {"ioctl", "type into a terminal", PROBE_REFUSED, ENOTTY, 0, CALLS_MACHINE,
                     SYS_ioctl},
    [PROBE_FOREIGN_CALL] = {"foreign-call", "make a call of another architecture", PROBE_ENDED,
                            SIGSYS},

    [PROBE_OUTPUT] = {"output", "write for ever", PROBE_LIMITED, EFBIG},
    [PROBE_MEMORY] = {"memory", "allocate for ever", PROBE_LIMITED, ENOMEM},
    [PROBE_DESCRIPTORS] = {"descriptors", "hold descriptors for ever", PROBE_LIMITED, EMFILE},
    [PROBE_THREADS] = {"threads", "start threads for ever", PROBE_LIMITED, EAGAIN, 0, CALLS_THREADS,
                       SYS_clone},
    [PROBE_CPU] = {"cpu", "spin for ever", PROBE_ENDED, SIGXCPU},

    [PROBE_ENVIRONMENT] = {"environment", "list its environment", PROBE_ANSWERED, 0},
    [PROBE_LIBRARIES] = {"libraries", "name its libraries", PROBE_ANSWERED, 0},
    [PROBE_SIMD] = {"simd", "decode with and without SIMD", PROBE_ANSWERED, 0},

    [PROBE_STAT_FLAG] = {"stat-flag", "look at /etc/passwd with the flag of an fstat",
                         PROBE_REFUSED, EACCES},
    [PROBE_AFFINITY] = {"affinity", "choose the daemon's processors", PROBE_REFUSED, EPERM, 0,
                        CALLS_THREADS, SYS_sched_setaffinity},
    [PROBE_MADVISE] = {"madvise", "share equal pages with other processes", PROBE_REFUSED, EPERM},
    [PROBE_MMAP_STACK] = {"mmap-stack", "map memory that counts as a stack", PROBE_FORBIDDEN,
                          SYS_mmap},
    [PROBE_MMAP_LOCKED] = {"mmap-locked", "map memory that stays in memory", PROBE_FORBIDDEN,
                           SYS_mmap},
    [PROBE_MMAP_HUGE] = {"mmap-huge", "map the machine's huge pages", PROBE_FORBIDDEN, SYS_mmap},
    [PROBE_MREMAP] = {"mremap", "move memory and keep its place", PROBE_FORBIDDEN, SYS_mremap},

    [PROBE_LANDLOCK_OPEN] = {"landlock-open", "open /etc/passwd, without the filter", PROBE_REFUSED,
                             EACCES, LANDLOCK_FILES},
    [PROBE_LANDLOCK_CONNECT] = {"landlock-connect", "reach a network, without the filter",
                                PROBE_REFUSED, EACCES, LANDLOCK_NETWORK},
    [PROBE_LANDLOCK_SOCKET] = {"landlock-socket", "reach a local service, without the filter",
                               PROBE_REFUSED, EPERM, LANDLOCK_SCOPES},
    [PROBE_LANDLOCK_SIGNAL] = {"landlock-signal", "signal another worker, without the filter",
                               PROBE_REFUSED, EPERM, LANDLOCK_SCOPES},
};
