/* SPDX-License-Identifier: Apache-2.0 */
#include "handler_client.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

G_NORETURN static void end_with_error(const char *what)
{
    g_error("%s: %s", what, g_strerror(errno));
}

/* process.h makes our ends of the sockets non-blocking, for the daemon's loop. Every call here
 * waits. */
static void set_blocking(int fd)
{
    if (fcntl(fd, F_SETFL, 0) != 0)
        end_with_error("cannot set up a socket");
}

static int wait_for(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        end_with_error("cannot wait for a process");
    return status;
}

void handler_server_start(HandlerServer *server, const char *program)
{
    g_autoptr(GError) error = NULL;
    if (!process_start_forkserver(program, &server->server, &error))
        g_error("%s", error->message);
    set_blocking(server->server.socket_fd);
}

int handler_server_stop(HandlerServer *server)
{
    fd_clear(&server->server.socket_fd);
    fd_clear(&server->server.pidfd);
    return wait_for(server->server.pid);
}

bool handler_worker_start(HandlerServer *server, const ForkRequest *request,
                          HandlerWorker *ret_worker)
{
    autofd ours = -1, theirs = -1, pidfd = -1;
    uint8_t buffer[WIRE_FRAME_MAX];
    ForkReply reply;
    ssize_t len;
    size_t n_fds;
    if (!process_socket_pair(&ours, &theirs, NULL) ||
        !wire_send(server->server.socket_fd, request, sizeof *request, &theirs, 1, NULL) ||
        !wire_receive(server->server.socket_fd, buffer, &len, &pidfd, 1, &n_fds, NULL) ||
        len != sizeof reply)
        end_with_error("cannot ask the fork server");
    memcpy(&reply, buffer, sizeof reply);
    errno = reply.errnum;
    if (reply.pid < 0)
        return false;
    set_blocking(ours);
    autofd listener = -1;
    if (!wire_receive(ours, buffer, &len, &listener, 1, &n_fds, NULL) || len != sizeof(WorkerHello))
        end_with_error("cannot hear from the worker");
    *ret_worker = (HandlerWorker){.pid = reply.pid,
                                  .pidfd = fd_steal(&pidfd),
                                  .socket_fd = fd_steal(&ours),
                                  .listener_fd = fd_steal(&listener)};
    return true;
}

int handler_worker_stop(HandlerWorker *worker)
{
    fd_clear(&worker->socket_fd);
    fd_clear(&worker->pidfd);
    int status = wait_for(worker->pid);
    fd_clear(&worker->listener_fd);
    return status;
}

bool handler_run(HandlerWorker *worker, const WireOrder *order, int source_fd, const char *folder,
                 int *ret_fds, WireResult *ret_result)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    int fds[WIRE_FDS_MAX] = {source_fd};
    ssize_t len;
    size_t n_fds;
    for (size_t i = 0; i < order->n_renditions; i++) {
        fds[1 + i] = ret_fds[i] = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (ret_fds[i] < 0)
            end_with_error("cannot make a temporary file");
    }
    WireOrder own = *order;
    own.own_files = true;
    size_t order_len = wire_encode_order(&own, buffer);
    if (!wire_send(worker->socket_fd, buffer, order_len, fds, 1 + order->n_renditions, NULL) ||
        !wire_receive(worker->socket_fd, buffer, &len, NULL, 0, &n_fds, NULL) || len == 0)
        return false;
    g_autoptr(GError) error = NULL;
    if (!wire_decode_result(buffer, (size_t)len, ret_result, &error))
        g_error("%s", error->message);
    for (size_t i = 0; i < order->n_renditions; i++) {
        if (lseek(ret_fds[i], 0, SEEK_SET) != 0)
            end_with_error("cannot rewind a thumbnail");
    }
    return true;
}
