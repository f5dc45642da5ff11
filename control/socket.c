/* SPDX-License-Identifier: Apache-2.0 */
#include "control/socket.h"

#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define STATES  "/var/lib/thumbq/"
#define SOCKETS "/run/thumbq"

#define OTHERS_MAY_WRITE 022

/* Ending of the name of a socket that does not listen yet: a connection to it would be refused. */
#define UNREADY ".new"

/* Connections that wait in the kernel to be accepted. */
#define WAITING_MAX 64

void control_address(int folder_fd, const char *name, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    g_snprintf(ret_address->sun_path, sizeof ret_address->sun_path, "/proc/self/fd/%d/%s",
               folder_fd, name);
}

int control_listen(int folder_fd, const char *name, mode_t mode, const char *path, GError **error)
{
    g_autofree char *unready = g_strconcat(name, UNREADY, NULL);
    struct sockaddr_un address;
    autofd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    /* A file that is there was left by a dead daemon: this process has the lock. */
    (void)FAILPOINT("control.clean", unlinkat(folder_fd, unready, 0));
    control_address(folder_fd, unready, &address);
    /* The mode is set before bind, so that other users cannot reach the socket at any moment. */
    if (fd < 0 || fchmod(fd, mode) != 0 ||
        FAILPOINT("control.bind", bind(fd, (const struct sockaddr *)&address, sizeof address)) !=
            0 ||
        /* The umask removed mode bits that other users need, so the mode is set again. */
        (mode & 077 && fchmodat(folder_fd, unready, mode, 0) != 0) ||
        listen(fd, WAITING_MAX) != 0 ||
        FAILPOINT("control.rename", renameat(folder_fd, unready, folder_fd, name)) != 0) {
        error_set_errno(error, errno, "cannot make the control socket in", path);
        return -1;
    }
    return fd_steal(&fd);
}

char *control_runtime_folder(const char *state_path)
{
    const char *name = state_path + strlen(STATES);

    if (!g_str_has_prefix(state_path, STATES) || !*name || strchr(name, '/') || name[0] == '.')
        return NULL;
    return g_build_filename(SOCKETS, name, NULL);
}

static bool is_closed(int fd, struct stat *ret_st)
{
    return fstat(fd, ret_st) == 0 && S_ISDIR(ret_st->st_mode) &&
           !(ret_st->st_mode & OTHERS_MAY_WRITE);
}

int control_open_runtime(const char *state_path, uid_t *ret_owner, GError **error)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    g_autofree char *path = control_runtime_folder(state_path);
    autofd above_fd = path ? open(SOCKETS, flags) : -1;
    g_autofree char *name = path ? g_path_get_basename(path) : NULL;
    autofd fd = above_fd < 0 ? -1 : openat(above_fd, name, flags);
    struct stat above, st;

    if (fd < 0)
        return -1;
    if (!is_closed(above_fd, &above) || above.st_uid != 0 || !is_closed(fd, &st)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                    "cannot use the sockets in '%s': other users may write to the folder", path);
        return -1;
    }
    *ret_owner = st.st_uid;
    return fd_steal(&fd);
}
