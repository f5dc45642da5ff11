/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/call_filter.h"

#include "base/error.h"
#include "base/file.h"
#include "sandbox/fstat.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Calls that are allowed with any arguments. None takes a path, makes a process, or reaches outside
 * of this one.
 */
static const int allowed[] = {
    /* Frames, source, thumbnails. */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(lseek),
    SCMP_SYS(ftruncate),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    /* Memory. */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mincore),
    /* Locks, the process itself, and its end. */
    SCMP_SYS(futex),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    /* The process's own signals. */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    /* Time, random numbers, identity. */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
};

/*
 * Calls of CALLS_THREADS. clone and sched_setaffinity are among the calls whose arguments decide.
 */
static const int allowed_with_threads[] = {
    SCMP_SYS(set_robust_list),        SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),        SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),         SCMP_SYS(sched_getscheduler),
    SCMP_SYS(sched_getattr),          SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(sched_get_priority_min), SCMP_SYS(membarrier),
};

/* Calls of CALLS_MACHINE that are allowed. */
static const int allowed_with_machine[] = {
    SCMP_SYS(getpriority),
    SCMP_SYS(getcpu),
    SCMP_SYS(uname),
};

/*
 * Calls that libraries try and can do without: reading a configuration, the number of cores, a
 * faster call. They fail if the profile has their group.
 */
static const struct {
    unsigned profile;
    int call, errnum;
} refused[] = {
    {CALLS_SEARCHES, SCMP_SYS(open), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(openat), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(stat), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(lstat), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(statx), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(access), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(faccessat), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(faccessat2), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(readlink), EACCES},
    {CALLS_SEARCHES, SCMP_SYS(readlinkat), EACCES},
    {CALLS_MACHINE, SCMP_SYS(sysinfo), EPERM},
    {CALLS_MACHINE, SCMP_SYS(prctl), EPERM},
    {CALLS_MACHINE, SCMP_SYS(memfd_create), EPERM},
    {CALLS_MACHINE, SCMP_SYS(ioctl), ENOTTY},
    {CALLS_BASE, SCMP_SYS(fcntl), EPERM},
    {CALLS_MACHINE, SCMP_SYS(setpriority), EPERM},
    /* Used by abort(). */
    {CALLS_BASE, SCMP_SYS(tgkill), EPERM},
    {CALLS_MACHINE, SCMP_SYS(sched_setscheduler), EPERM},
    /* The flags of clone3 are in memory: glibc uses clone then. */
    {CALLS_BASE, SCMP_SYS(clone3), ENOSYS},
#ifdef FSTAT_IS_OURS
    /* The path may be empty, but is memory, which a filter cannot read. */
    {CALLS_BASE, SCMP_SYS(newfstatat), EACCES},
#endif
};

/*
 * Advice that allocators, thread stacks and readers of files give. Other advice is refused as by an
 * older kernel: some shares pages with other processes (and so reveals facts of theirs), drops the
 * machine's cached pages, or takes pages out of use.
 */
static const int advices[] = {
    MADV_NORMAL,
    MADV_RANDOM,
    MADV_SEQUENTIAL,
    MADV_WILLNEED,
    MADV_DONTNEED,
    MADV_FREE,
    MADV_HUGEPAGE,
    MADV_NOHUGEPAGE,
    MADV_DONTDUMP,
    MADV_DODUMP,
    102 /* MADV_GUARD_INSTALL, of glibc 2.42 */,
    103 /* MADV_GUARD_REMOVE */,
};

/* Linux 6.18 has 0 to 25 and 100 to 103. Numbers in between are a violation. */
#define ADVICES_FIRST_N 32
#define ADVICE_LAST     103

/*
 * Flags that are allowed. MAP_GROWSDOWN is not: it counts as a stack and so towards no limit.
 * MAP_LOCKED and MAP_HUGETLB are not: they take memory that is scarce. Shared memory would not
 * count towards RLIMIT_DATA either.
 */
#define MMAP_FLAGS                                                                                 \
    (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_NORESERVE | MAP_STACK |   \
     MAP_POPULATE)

/* A condition on an argument of flags: only flags of `mask` are set. */
#define ONLY(mask) SCMP_CMP_MASKED_EQ, ~(uint64_t)(mask), 0

static int add_allowed(scmp_filter_ctx context, const int *calls, size_t n)
{
    int status = 0;
    for (size_t i = 0; i < n && status == 0; i++)
        status = seccomp_rule_add(context, SCMP_ACT_ALLOW, calls[i], 0);
    return status;
}

/* Adds the calls that are allowed, and those that are refused without ending the worker. */
static int add_lists(scmp_filter_ctx context, unsigned profile)
{
    int status = add_allowed(context, allowed, G_N_ELEMENTS(allowed));
    if (status == 0 && profile & CALLS_THREADS)
        status = add_allowed(context, allowed_with_threads, G_N_ELEMENTS(allowed_with_threads));
    if (status == 0 && profile & CALLS_MACHINE)
        status = add_allowed(context, allowed_with_machine, G_N_ELEMENTS(allowed_with_machine));
    for (size_t i = 0; i < G_N_ELEMENTS(refused) && status == 0; i++) {
        if ((refused[i].profile & ~profile) == 0)
            status = seccomp_rule_add(context, SCMP_ACT_ERRNO((uint16_t)refused[i].errnum),
                                      refused[i].call, 0);
    }
    return status;
}

static int add_advice(scmp_filter_ctx context, uint32_t action, enum scmp_compare is, int advice)
{
    return seccomp_rule_add(context, action, SCMP_SYS(madvise), 1,
                            SCMP_A2(is, (scmp_datum_t)advice, 0));
}

/* Allows madvise for the listed advices; others fail. */
static int add_advices(scmp_filter_ctx context)
{
    bool listed[ADVICES_FIRST_N] = {false};
    int status = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(advices) && status == 0; i++) {
        status = add_advice(context, SCMP_ACT_ALLOW, SCMP_CMP_EQ, advices[i]);
        if (advices[i] < ADVICES_FIRST_N)
            listed[advices[i]] = true;
    }
    for (int i = 0; i < ADVICES_FIRST_N && status == 0; i++) {
        if (!listed[i])
            status = add_advice(context, SCMP_ACT_ERRNO(EPERM), SCMP_CMP_EQ, i);
    }
    return status ? status : add_advice(context, SCMP_ACT_ERRNO(EPERM), SCMP_CMP_GT, ADVICE_LAST);
}

/* Adds the calls whose arguments decide. */
static int add_conditions(scmp_filter_ctx context, unsigned profile)
{
    const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
    const struct scmp_arg_cmp no_code = SCMP_A2(ONLY(PROT_READ | PROT_WRITE));
    const struct scmp_arg_cmp unshared =
        SCMP_A3(SCMP_CMP_MASKED_EQ, ~(uint64_t)MMAP_FLAGS | MAP_TYPE, MAP_PRIVATE);
    const struct scmp_arg_cmp move = SCMP_A3(ONLY(MREMAP_MAYMOVE));
#ifndef FSTAT_IS_OURS
    const struct scmp_arg_cmp by_fd = SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH);
    const struct scmp_arg_cmp by_path = SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, 0);
#endif
    const struct scmp_arg_cmp other = SCMP_A0(SCMP_CMP_NE, 0, 0);
    const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, 0, 0);
    const struct scmp_arg_cmp cpu = SCMP_A1(SCMP_CMP_EQ, RLIMIT_CPU, 0);
    const struct scmp_arg_cmp descriptors = SCMP_A1(SCMP_CMP_EQ, RLIMIT_NOFILE, 0);
    const struct scmp_arg_cmp only_get = SCMP_A2(SCMP_CMP_EQ, 0, 0);
    const struct {
        /* The bit of the profile that adds the rule. */
        unsigned profile;
        int call;
        uint32_t action;
        unsigned n;
        struct scmp_arg_cmp when[2];
    } rules[] = {
        /* Never a process. */
        {CALLS_THREADS, SCMP_SYS(clone), SCMP_ACT_ALLOW, 1, {thread}},
        {CALLS_BASE, SCMP_SYS(mprotect), SCMP_ACT_ALLOW, 1, {no_code}},
        {CALLS_BASE, SCMP_SYS(mmap), SCMP_ACT_ALLOW, 2, {no_code, unshared}},
        {CALLS_BASE, SCMP_SYS(mremap), SCMP_ACT_ALLOW, 1, {move}},
#ifndef FSTAT_IS_OURS
        {CALLS_BASE, SCMP_SYS(newfstatat), SCMP_ACT_ALLOW, 1, {by_fd}},
        {CALLS_BASE, SCMP_SYS(newfstatat), SCMP_ACT_ERRNO(EACCES), 1, {by_path}},
#endif
        {CALLS_THREADS, SCMP_SYS(sched_setaffinity), SCMP_ACT_ALLOW, 1, {self}},
        {CALLS_THREADS, SCMP_SYS(sched_setaffinity), SCMP_ACT_ERRNO(EPERM), 1, {other}},
        {CALLS_BASE, SCMP_SYS(prlimit64), SCMP_ACT_ALLOW, 2, {self, only_get}},
        {CALLS_BASE, SCMP_SYS(prlimit64), SCMP_ACT_ALLOW, 2, {self, cpu}},
        /* The worker sets its hard limit after its greeting. It cannot raise the limit again. */
        {CALLS_BASE, SCMP_SYS(prlimit64), SCMP_ACT_ALLOW, 2, {self, descriptors}},
    };
    int status = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(rules) && status == 0; i++) {
        if ((rules[i].profile & ~profile) == 0)
            status = seccomp_rule_add_array(context, rules[i].action, rules[i].call, rules[i].n,
                                            rules[i].when);
    }
    return status;
}

/* Exports the program through a descriptor, as libseccomp has no other way. */
static bool export_program(scmp_filter_ctx context, struct sock_fprog *ret_program)
{
    struct stat st;
    autofd fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(context, fd) != 0 || fstat(fd, &st) != 0)
        return false;
    size_t size = (size_t)st.st_size;
    g_autofree struct sock_filter *code = g_malloc(size);
    if (pread(fd, code, size, 0) != (ssize_t)size)
        return false;
    ret_program->len = (unsigned short)(size / sizeof *code);
    ret_program->filter = g_steal_pointer(&code);
    return true;
}

bool filter_compile(FilterMode mode, unsigned profile, struct sock_fprog *ret_program,
                    GError **error)
{
    scmp_filter_ctx context =
        seccomp_init(mode == FILTER_NOTIFY ? SCMP_ACT_NOTIFY : SCMP_ACT_KILL_PROCESS);
    /* A binary tree. */
    bool fine = context != NULL &&
                seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
                seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
                add_lists(context, profile) == 0 && add_advices(context) == 0 &&
                add_conditions(context, profile) == 0 && export_program(context, ret_program);
    if (context != NULL)
        seccomp_release(context);
    if (!fine)
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_INTERNAL,
                            "cannot compile the system call filter");
    return fine;
}
