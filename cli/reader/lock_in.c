/* SPDX-License-Identifier: Apache-2.0 */
#include "reader/lock_in.h"

#include "base/error.h"
#include "handlers/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Allowed with any arguments. None of them takes a path, creates a process, or connects.
 * add_rules allows one call with a path, newfstatat. */
static const int allowed[] = {
    /* Questions and answers. */
    SCMP_SYS(accept4),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(memfd_create),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(close),
    /* The store, which is open. */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(fstat),
    SCMP_SYS(fstatfs),
    SCMP_SYS(lseek),
    SCMP_SYS(futex),
    /* Memory. */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(madvise),
    SCMP_SYS(mincore),
    SCMP_SYS(msync),
    /* Time, random numbers, identity, the process's own signals and its exit. */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* No question needs these calls, and an attacker would use them next. */
static const int fatal[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat),          SCMP_SYS(ptrace),       SCMP_SYS(bpf),
    SCMP_SYS(mount),  SCMP_SYS(init_module),       SCMP_SYS(finit_module), SCMP_SYS(unshare),
    SCMP_SYS(setns),  SCMP_SYS(process_vm_writev),
};

/* A condition on a flags argument: only the bits of `mask` may be set. */
#define ONLY(mask) SCMP_CMP_MASKED_EQ, ~(uint64_t)(mask), 0

/* Uses of fcntl: seals of answers, flags of descriptors, locks of LMDB's readers. */
static const int commands[] = {F_ADD_SEALS, F_GET_SEALS, F_GETFD, F_SETFD, F_GETFL,
                               F_SETFL,     F_GETLK,     F_SETLK, F_SETLKW};

/* Allows the system calls that the reader needs. Returns a negative errno if a rule cannot be
 * added. */
static int add_rules(scmp_filter_ctx context)
{
    const struct scmp_arg_cmp no_code = SCMP_A2(ONLY(PROT_READ | PROT_WRITE));
    const struct scmp_arg_cmp of_socket = SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET, 0);
    const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, 0, 0);
    const struct scmp_arg_cmp only_get = SCMP_A2(SCMP_CMP_EQ, 0, 0);
    int status = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(allowed) && status == 0; i++)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < G_N_ELEMENTS(fatal) && status == 0; i++)
        status = seccomp_rule_add(context, SCMP_ACT_KILL_PROCESS, fatal[i], 0);
    for (size_t i = 0; i < G_N_ELEMENTS(commands) && status == 0; i++)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i], 0));
    if (status == 0)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code);
    if (status == 0)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code);
    if (status == 0)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mremap), 1,
                                  SCMP_A3(ONLY(MREMAP_MAYMOVE)));
    if (status == 0)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(getsockopt), 1, of_socket);
    if (status == 0)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, self, only_get);
    /* fstat of newer glibc versions is newfstatat with an empty path. seccomp cannot read the path,
     * no value of the flags forbids one, and Landlock does not restrict stat: a process that was
     * taken over learns the names and attributes of files that its user can find, not their
     * content. */
    if (status == 0)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 0);
    return status;
}

bool lock_in(GError **error)
{
    const struct rlimit no_core = {0, 0};
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = context && seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
              seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
              add_rules(context) == 0 && setrlimit(RLIMIT_CORE, &no_core) == 0 &&
              prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
              landlock_enter() && seccomp_load(context) == 0;

    if (context)
        seccomp_release(context);
    if (!ok)
        g_set_error(error, THUMBQ_ERROR, ERROR_INTERNAL, "cannot lock the query reader in: %s",
                    g_strerror(errno));
    return ok;
}
