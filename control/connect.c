/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define TRY_AGAIN_US (50 * CLOCK_US_PER_MS)

int control_connect(const char *state_path, GError **error)
{
    g_autoptr(GError) reason = NULL;
    autofd folder_fd = trusted_open_folder(AT_FDCWD, state_path, false, &reason);
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;

    if (folder_fd < 0 && error_code(reason) != ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return -1;
    }
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a socket for", state_path);
        return -1;
    }
    control_address(folder_fd, CONTROL_SOCKET_NAME, &address);
    errno = ENOENT;
    if (folder_fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return trusted_peer(fd, error) ? fd_steal(&fd) : -1;
    if (errno == ENOENT || errno == ECONNREFUSED)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "no daemon runs on '%s'", state_path);
    else
        trusted_set_errno(error, errno, "cannot reach the daemon of", state_path);
    return -1;
}

/* Checks that the listening process belongs to `owner` or to root. */
static bool check_listener(int fd, uid_t owner, GError **error)
{
    struct ucred peer;

    if (trusted_peer_read(fd, &peer, NULL) && (peer.uid == owner || peer.uid == 0))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                "the process that listens at the socket does not belong to the folder's owner");
    return false;
}

/* Connects to the socket `name` in a folder. Returns -1 if no daemon of the user `owner` listens
 * there. */
static int connect_in(int folder_fd, const char *name, const char *path, uid_t owner,
                      GError **error)
{
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;

    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a socket for", path);
        return -1;
    }
    control_address(folder_fd, name, &address);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return check_listener(fd, owner, error) ? fd_steal(&fd) : -1;
    if (errno == ENOENT || errno == ECONNREFUSED)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "no daemon answers in '%s'", path);
    else
        error_set_errno(error, errno, "cannot reach the daemon in", path);
    return -1;
}

int control_connect_public(const char *state_path, const char *name, GError **error)
{
    g_autofree char *path = control_runtime_folder(state_path);
    g_autoptr(GError) reason = NULL;
    uid_t owner = 0;
    autofd folder_fd = control_open_runtime(state_path, &owner, &reason);

    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return -1;
    }
    if (folder_fd < 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "'%s' has no sockets for others",
                    state_path);
        return -1;
    }
    return connect_in(folder_fd, name, path, owner, error);
}

/* Connects to the socket in the state folder, or to the public socket where the folder belongs to
 * another user. */
static int connect_own_or_public(const char *state_path, GError **error)
{
    g_autoptr(GError) reason = NULL;
    int fd = control_connect(state_path, &reason);

    if (fd >= 0)
        return fd;
    if (error_code(reason) == ERROR_NOT_TRUSTED || error_code(reason) == ERROR_ACCESS_DENIED)
        fd = control_connect_public(state_path, CONTROL_PUBLIC_NAME, NULL);
    if (fd < 0)
        g_propagate_error(error, g_steal_pointer(&reason));
    return fd;
}

int control_connect_patiently(const char *state_path, int64_t patience_us, GError **error)
{
    int64_t end_us = clock_monotonic_us() + patience_us;

    for (;;) {
        g_autoptr(GError) failure = NULL;
        int fd = connect_own_or_public(state_path, &failure);
        if (fd >= 0)
            return fd;
        if (error_code(failure) != ERROR_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return -1;
        }
        if (clock_monotonic_us() >= end_us)
            return -1;
        g_usleep(TRY_AGAIN_US);
    }
}

int control_connect_query(const char *state_path, GError **error)
{
    g_autoptr(GError) reason = NULL;
    struct stat st;
    int fd = control_connect_public(state_path, CONTROL_QUERY_NAME, &reason);

    if (fd >= 0 || error_code(reason) != ERROR_NOT_FOUND) {
        if (fd < 0)
            g_propagate_error(error, g_steal_pointer(&reason));
        return fd;
    }
    autofd folder_fd = open(state_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder_fd < 0 || fstat(folder_fd, &st) != 0) {
        error_set_errno(error, errno, "cannot open", state_path);
        return -1;
    }
    return connect_in(folder_fd, CONTROL_QUERY_NAME, state_path, st.st_uid, error);
}
