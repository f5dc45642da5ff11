/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of requests: a client that finds its name can connect. */
#include "control/socket.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 400

/* Connects until it is killed. Ends with 1 if the name is there and the connection is refused. */
static _Noreturn void connect_often(int folder_fd)
{
    struct sockaddr_un address;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    control_address(folder_fd, "door", &address);
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 &&
                       errno == ECONNREFUSED))
            _exit(1);
        close(fd);
    }
}

/* The name is taken over many times, while a client connects. */
static void test_ready(void)
{
    g_autofree char *folder = g_dir_make_tmp("thumbq-socket-XXXXXX", NULL);
    autofd folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fds[ROUNDS], status = 0;
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(folder_fd, >=, 0);
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0)
        connect_often(folder_fd);
    /* A socket that ends refuses those who found its name before, so none ends meanwhile. */
    for (size_t i = 0; i < ROUNDS; i++) {
        fds[i] = control_listen(folder_fd, "door", 0600, folder, &error);
        g_assert_no_error(error);
    }
    kill(pid, SIGKILL);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status));
    for (size_t i = 0; i < ROUNDS; i++)
        fd_clear(&fds[i]);
    g_assert_cmpint(unlinkat(folder_fd, "door", 0), ==, 0);
    /* No other name is left. */
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/control-socket/ready", test_ready);
    return g_test_run();
}
