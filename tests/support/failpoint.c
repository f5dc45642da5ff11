/* SPDX-License-Identifier: Apache-2.0 */
#include "base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define NAME_MAX_LEN 63
#define PLANS_MAX    8

/* A fault to produce, as the environment names it. */
typedef struct {
    char name[NAME_MAX_LEN + 1];
    /* Error of the call; 0: the process crashes. */
    int errnum;
    unsigned first, times;
    unsigned hits;
} Plan;

static Plan plans[PLANS_MAX];
static int n_plans;
static int log_fd = -1;

static void die_of_usage(const char *text)
{
    fprintf(stderr, "failpoint: cannot understand '%s'\n", text);
    exit(2);
}

static int errno_from_name(const char *name)
{
    static const struct {
        const char *name;
        int errnum;
    } rows[] = {{"crash", 0},       {"EIO", EIO},       {"ENOSPC", ENOSPC},
                {"EINTR", EINTR},   {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
                {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}, {"EOPNOTSUPP", EOPNOTSUPP}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].errnum;
    }
    die_of_usage(name);
    return 0;
}

static void add_plan(const char *text)
{
    char what[16];
    Plan plan = {.first = 1, .times = 1};
    int used = 0;

    if (n_plans == PLANS_MAX || sscanf(text, "%63[^=]=%15[a-zA-Z]%n", plan.name, what, &used) != 2)
        die_of_usage(text);
    plan.errnum = errno_from_name(what);
    int at = 0;
    if (text[used] == '@' && sscanf(text + used, "@%u%n", &plan.first, &at) == 1)
        used += at;
    if (text[used] == 'x' && sscanf(text + used, "x%u%n", &plan.times, &at) == 1)
        used += at;
    if (text[used] != '\0')
        die_of_usage(text);
    plans[n_plans++] = plan;
}

/* The linker's names for the beginning and the end of the section that FAILPOINT_AT fills. */
extern const char __start_failpoints[], __stop_failpoints[];

static void print_all(void)
{
    for (const char *at = __start_failpoints; at < __stop_failpoints; at += strlen(at) + 1) {
        /* An empty text is padding between two names. */
        if (*at)
            puts(at);
    }
    fflush(stdout);
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *text = getenv("THUMBQ_FAILPOINT");
    const char *log = getenv("THUMBQ_FAILPOINT_LOG");

    if (text && strcmp(text, "list") == 0) {
        print_all();
        _exit(0);
    }
    char *copy = text ? strdup(text) : NULL;
    for (char *part = copy ? strtok(copy, ",") : NULL; part; part = strtok(NULL, ","))
        add_plan(part);
    free(copy);
    if (log)
        log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
}

static void log_hit(const char *name)
{
    char line[NAME_MAX_LEN + 2];
    int len = snprintf(line, sizeof line, "%.*s\n", NAME_MAX_LEN, name);

    if (log_fd >= 0 && write(log_fd, line, (size_t)len) != len)
        abort();
}

bool failpoint(const char *name)
{
    if (log_fd >= 0)
        log_hit(name);
    for (int i = 0; i < n_plans; i++) {
        Plan *plan = &plans[i];
        if (strcmp(plan->name, name) != 0)
            continue;
        unsigned hit = ++plan->hits;
        if (hit < plan->first || hit - plan->first >= plan->times)
            continue;
        if (plan->errnum == 0)
            (void)kill(getpid(), SIGKILL);
        errno = plan->errnum;
        return true;
    }
    return false;
}

static int64_t read_offset_us(const char *variable)
{
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "re") : NULL;
    long long seconds = 0;

    if (file) {
        if (fscanf(file, "%lld", &seconds) != 1)
            seconds = 0;
        (void)fclose(file);
    }
    return (int64_t)seconds * 1000000;
}

int64_t failpoint_clock_offset_us(void)
{
    return read_offset_us("THUMBQ_CLOCK_FILE");
}

int64_t failpoint_boot_offset_us(void)
{
    return read_offset_us("THUMBQ_BOOT_FILE");
}

/* LMDB calls the functions below by name, and finds these before those of libc. */

/* True for the store's own file. The calls that write other files have fail points of their own. */
static bool is_store(int fd)
{
    char link[32], path[PATH_MAX];

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    static const char name[] = "/data.mdb";
    return len >= (ssize_t)sizeof name - 1 &&
           memcmp(path + len - (sizeof name - 1), name, sizeof name - 1) == 0;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (!is_store(fd))
        return syscall(SYS_pwrite64, fd, data, len, at);
    /* A write that is cut short: the process dies, or the disk is full, after half of the bytes. */
    if (FAILPOINT_AT("lmdb.pwrite.before"))
        return -1;
    if (len > 1)
        (void)syscall(SYS_pwrite64, fd, data, len / 2, at);
    if (FAILPOINT_AT("lmdb.pwrite.half"))
        return -1;
    return FAILPOINT("lmdb.pwrite.rest", syscall(SYS_pwrite64, fd, data, len, at));
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    if (!is_store(fd))
        return syscall(SYS_writev, fd, parts, n);
    if (FAILPOINT_AT("lmdb.writev.before"))
        return -1;
    ssize_t half = n > 1 ? syscall(SYS_writev, fd, parts, n / 2) : 0;
    if (FAILPOINT_AT("lmdb.writev.half"))
        return -1;
    if (half > 0)
        (void)lseek(fd, -(off_t)half, SEEK_CUR);
    return FAILPOINT("lmdb.writev.rest", syscall(SYS_writev, fd, parts, n));
}

int fdatasync(int fd)
{
    if (!is_store(fd))
        return (int)syscall(SYS_fdatasync, fd);
    return (int)FAILPOINT("lmdb.fdatasync", syscall(SYS_fdatasync, fd));
}
