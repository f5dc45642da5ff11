/* SPDX-License-Identifier: Apache-2.0 */
#include "control/invoke_socket.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The state folder of the service, which names its folder of sockets. */
#define SERVICE_STATE "/var/lib/thumbq/functions"

/* Returns the folder of the programs that are no service. Owner: the caller frees. */
static char *plain_folder(void)
{
    const char *folder = g_getenv("THUMBQ_FUNCTIONS");

    return folder && *folder
               ? g_strdup(folder)
               : g_build_filename(g_get_user_state_dir(), "thumbq", "functions", NULL);
}

/* Opens the folder of the socket. *ret_owner: the user that may listen there, beside root. */
static int open_folder(char **ret_path, uid_t *ret_owner, GError **error)
{
    const char *chosen = g_getenv("THUMBQ_FUNCTIONS");
    g_autoptr(GError) reason = NULL;
    int fd = -1;

    *ret_path = NULL;
    if (!chosen || !*chosen)
        fd = control_open_runtime(SERVICE_STATE, ret_owner, &reason);
    if (fd >= 0 || reason) {
        *ret_path = control_runtime_folder(SERVICE_STATE);
    } else {
        *ret_path = plain_folder();
        *ret_owner = geteuid();
        fd = trusted_open_folder(AT_FDCWD, *ret_path, false, &reason);
    }
    if (fd < 0 && error_code(reason) == ERROR_NOT_FOUND)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "no program runs functions: there is no folder '%s'", *ret_path);
    else if (fd < 0)
        g_propagate_error(error, g_steal_pointer(&reason));
    return fd;
}

static void describe_failure(int errnum, const char *path, GError **error)
{
    g_autofree char *socket_path = g_build_filename(path, CONTROL_INVOKE_NAME, NULL);

    if (errnum == ENOENT || errnum == ECONNREFUSED)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "no program listens at '%s'",
                    socket_path);
    else if (errnum == EAGAIN)
        g_set_error(error, THUMBQ_ERROR, ERROR_SHORTAGE,
                    "the program at '%s' accepts no connections", socket_path);
    else
        error_set_errno(error, errnum, "cannot connect to", socket_path);
}

int control_connect_invoke(GError **error)
{
    g_autofree char *path = NULL;
    struct sockaddr_un address;
    struct ucred peer;
    uid_t owner = 0;
    autofd folder_fd = open_folder(&path, &owner, error);

    if (folder_fd < 0)
        return -1;
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    control_address(folder_fd, CONTROL_INVOKE_NAME, &address);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        describe_failure(errno, path, error);
        return -1;
    }
    if (!trusted_peer_read(fd, &peer, error))
        return -1;
    if (peer.uid != owner && peer.uid != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                    "the program at '%s/" CONTROL_INVOKE_NAME "' does not belong to the folder's "
                    "owner",
                    path);
        return -1;
    }
    return fd_steal(&fd);
}
