/*
 * thumbq-thumbnail with a decoder that a hostile picture has taken over. It stands before job_run
 * (the linker's --wrap) in a real worker in its real sandbox, and does what a source says that
 * begins with ORDER. Any other source is handled as ever.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ORDER     "possess: "
#define SOCKET_FD 3 /* where worker.c has it */

void __real_job_run(const WireJob *job, const int *fds, WireResult *ret_result);
void __wrap_job_run(const WireJob *job, const int *fds, WireResult *ret_result);

/* What the kernel refuses, and should: the job goes on as if nothing had been tried. */
static void must_be_refused(ssize_t status)
{
    if (status >= 0)
        _exit(77);
}

static void call_home(const int *fds)
{
    (void)fds;
    (void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void read_a_path(const int *fds)
{
    (void)fds;
    must_be_refused(open("/etc/passwd", O_RDONLY));
}

static void reopen_for_writing(const int *fds)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fds[0]);
    must_be_refused(open(path, O_WRONLY));
}

static void start_a_program(const int *fds)
{
    char *const arguments[] = {(char *)"sh", NULL};
    (void)fds;
    (void)!execv("/bin/sh", arguments);
}

static void multiply(const int *fds)
{
    (void)fds;
    (void)!syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void kill_the_daemon(const int *fds)
{
    (void)fds;
    (void)!kill(getppid(), SIGKILL);
}

static void trace_the_daemon(const int *fds)
{
    (void)fds;
    (void)!ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static void write_to_the_source(const int *fds)
{
    must_be_refused(pwrite(fds[0], "defaced", strlen("defaced"), 0));
}

static void outgrow(const int *fds)
{
    static const char block[1 << 16];
    while (write(fds[1], block, sizeof block) >= 0)
        continue;
}

static void hoard(const int *fds)
{
    (void)fds;
    for (;;)
        memset(g_malloc(1 << 20), 1, 1 << 20);
}

static void spin(const int *fds)
{
    (void)fds;
    for (volatile unsigned turns = 0;; turns++)
        continue;
}

static void lie(const int *fds)
{
    static const char frame[] = "all is well";
    (void)fds;
    (void)!write(SOCKET_FD, frame, sizeof frame);
}

static void hand_over_a_descriptor(const int *fds)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    char frame[] = "take this";
    struct iovec part = {.iov_base = frame, .iov_len = sizeof frame};
    const struct msghdr message = {.msg_iov = &part,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof control};
    memcpy(CMSG_DATA(&control.header), fds, sizeof(int));
    (void)!sendmsg(SOCKET_FD, &message, 0);
}

static void leave(const int *fds)
{
    (void)fds;
    _exit(0);
}

static const struct {
    const char *order;
    void (*obey)(const int *fds);
} orders[] = {
    {"call home", call_home},
    {"read a path", read_a_path},
    {"reopen for writing", reopen_for_writing},
    {"start a program", start_a_program},
    {"multiply", multiply},
    {"kill the daemon", kill_the_daemon},
    {"trace the daemon", trace_the_daemon},
    {"write to the source", write_to_the_source},
    {"outgrow", outgrow},
    {"hoard", hoard},
    {"spin", spin},
    {"lie", lie},
    {"hand over a descriptor", hand_over_a_descriptor},
    {"leave", leave},
};

void __wrap_job_run(const WireJob *job, const int *fds, WireResult *ret_result)
{
    char text[64] = {0};
    ssize_t len = pread(fds[0], text, sizeof text - 1, 0);
    for (size_t i = 0; len > 0 && g_str_has_prefix(text, ORDER) && i < G_N_ELEMENTS(orders); i++) {
        if (!strcmp(text + strlen(ORDER), orders[i].order))
            orders[i].obey(fds);
    }
    __real_job_run(job, fds, ret_result);
}
