/* SPDX-License-Identifier: Apache-2.0 */
#include "fork_server.h"

#include "base/file.h"
#include "handlers/forkserver.h"
#include "handlers/wire.h"
#include "worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Like fork(), but the new process is a child of this one's parent, and comes with a pidfd. Safe as
 * this process has one thread. Returns 0 in the new process, and -1 with errno on failure.
 *
 * It does not use clone3(2): service managers and containers that keep processes from new
 * namespaces refuse that call as a whole, as their filters cannot read its flags.
 */
static pid_t clone_sibling(int *ret_pidfd)
{
    unsigned long flags = CLONE_PARENT | CLONE_PIDFD | SIGCHLD;
    int *tid = NULL;
    int pidfd = -1;
#ifdef PR_GET_TID_ADDRESS
    /*
     * glibc keeps the thread's id; after a plain system call it would still be that of this
     * process.
     */
    if (prctl(PR_GET_TID_ADDRESS, &tid, 0, 0, 0) == 0 && tid != NULL)
        flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
#endif
        /*
         * The processor decides which of the last two is the thread's id; the other is not used.
         */
#ifdef __s390__
    pid_t pid = (pid_t)syscall(SYS_clone, NULL, flags, &pidfd, tid, tid);
#else
    pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, &pidfd, tid, tid);
#endif
    if (pid > 0)
        *ret_pidfd = pidfd;
    return pid;
}

/* Serves one request. In the new worker it does not return. */
static bool serve(int socket_fd, const ForkRequest *request, int worker_fd, GError **error)
{
    autofd pidfd = -1;
    pid_t pid = clone_sibling(&pidfd);
    if (pid == 0)
        worker_run(worker_fd, request);

    const ForkReply reply = {
        .version = FORKSERVER_VERSION, .pid = pid, .errnum = pid < 0 ? errno : 0};
    return wire_send(socket_fd, &reply, sizeof reply, &pidfd, pid > 0 ? 1 : 0, error);
}

bool fork_server_run(int socket_fd, GError **error)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    for (;;) {
        autofd worker_fd = -1;
        size_t n_fds = 0;
        ssize_t len;
        if (!wire_receive(socket_fd, buffer, &len, &worker_fd, 1, &n_fds, error))
            return false;
        if (len == 0)
            return true;
        ForkRequest request;
        if (len != sizeof request || n_fds != 1) {
            g_set_error_literal(error, THUMBQ_ERROR, ERROR_PROTOCOL, "malformed request");
            return false;
        }
        memcpy(&request, buffer, sizeof request);
        if (request.version != FORKSERVER_VERSION) {
            g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL, "request of version %u, not %d",
                        request.version, FORKSERVER_VERSION);
            return false;
        }
        if (!serve(socket_fd, &request, worker_fd, error))
            return false;
    }
}
