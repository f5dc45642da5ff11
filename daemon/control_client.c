#include "control.h"

#include "clock.h"
#include "error.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void control_address(int folder_fd, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    g_snprintf(ret_address->sun_path, sizeof ret_address->sun_path, "/proc/self/fd/%d/control",
               folder_fd);
}

int control_connect(const char *state_path, GError **error)
{
    autofd folder_fd = open(state_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;

    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a socket for", state_path);
        return -1;
    }
    control_address(folder_fd, &address);
    if (folder_fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd_steal(&fd);
    if (errno == ENOENT || errno == ECONNREFUSED)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "no daemon runs on '%s'", state_path);
    else
        error_set_errno(error, errno, "cannot reach the daemon of", state_path);
    return -1;
}

static bool wait_readable(int fd, int64_t timeout_us, GError **error)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int64_t end_us = clock_monotonic_us() + timeout_us;

    for (;;) {
        int64_t left_ms = (end_us - clock_monotonic_us()) / CLOCK_US_PER_MS;
        int n = poll(&waiting, 1, timeout_us == 0 ? -1 : (int)CLAMP(left_ms, 0, G_MAXINT));
        if (n > 0)
            return true;
        if (n == 0) {
            g_set_error(error, THUMBQ_ERROR, ERROR_TIMEOUT,
                        "the daemon has not finished within %.1f s; it goes on",
                        (double)timeout_us / CLOCK_US_PER_SEC);
            return false;
        }
        if (errno != EINTR) {
            g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot wait for the daemon: %s",
                        g_strerror(errno));
            return false;
        }
    }
}

char *control_ask(int fd, const char *request, int64_t timeout_us, GError **error)
{
    char line[CONTROL_LINE_MAX];

    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot ask the daemon: %s", g_strerror(errno));
        return NULL;
    }
    if (!wait_readable(fd, timeout_us, error))
        return NULL;
    ssize_t len = recv(fd, line, sizeof line - 1, 0);
    if (len <= 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "the daemon ended before it answered");
        return NULL;
    }
    line[len] = '\0';
    if (strcmp(line, "ok") == 0 || g_str_has_prefix(line, "ok "))
        return g_strdup(line[2] ? line + 3 : "");
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the daemon refuses: %s",
                g_str_has_prefix(line, "error ") ? line + 6 : line);
    return NULL;
}

char *control_request(const char *state_path, const char *request, int64_t timeout_us,
                      GError **error)
{
    autofd fd = control_connect(state_path, error);
    return fd < 0 ? NULL : control_ask(fd, request, timeout_us, error);
}
