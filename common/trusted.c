/* SPDX-License-Identifier: Apache-2.0 */
#include "trusted.h"

#include "error.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER_MODE      0700
#define FILE_MODE        0600
#define OTHERS           077 /* all that is not the owner's */
#define OTHERS_MAY_WRITE 022

bool trusted_is_owner(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

char *trusted_user_name(uid_t uid)
{
    const struct passwd *user = getpwuid(uid);

    return user ? g_strdup_printf("'%s' (%u)", user->pw_name, (unsigned)uid)
                : g_strdup_printf("%u", (unsigned)uid);
}

/* ---- errors -------------------------------------------------------------------------------------
 */

char *trusted_path(int dir_fd, const char *path)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", dir_fd);
    g_autofree char *folder = dir_fd >= 0 && path[0] != '/' ? g_file_read_link(link, NULL) : NULL;

    return folder ? g_build_filename(folder, path, NULL) : g_strdup(path);
}

static void refuse(const char *path, const char *why, GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED, "cannot use '%s': %s", path, why);
}

static void refuse_owner(const char *path, uid_t uid, GError **error)
{
    g_autofree char *owner = trusted_user_name(uid);
    g_autofree char *self = trusted_user_name(geteuid());

    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                "cannot use '%s': it belongs to the user %s, thumbq runs as %s; run it as that "
                "user if the user is trusted, or remove it if nobody here has made it",
                path, owner, self);
}

/* What an open has failed with. `full` is for messages. */
static void fail_open(int dir_fd, const char *path, bool is_folder, GError **error)
{
    int errnum = errno;
    g_autofree char *full = trusted_path(dir_fd, path);
    struct stat st;

    if (errnum == ELOOP)
        refuse(full,
               "it is a symbolic link, or lies behind one; name the place itself, which no link "
               "can change",
               error);
    else if (errnum == ENOTDIR && is_folder)
        refuse(full, "it is no folder", error);
    else if (errnum == ENXIO || errnum == ENODEV || (errnum == EISDIR && !is_folder))
        refuse(full, "it is no regular file", error);
    else if (errnum == EACCES && fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
             !trusted_is_owner(st.st_uid))
        refuse_owner(full, st.st_uid, error);
    else
        error_set_errno(error, errnum, "cannot open", full);
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static int open_without_links(int dir_fd, const char *path, int flags)
{
    int always = O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK);
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | always),
        .mode = flags & O_CREAT ? FILE_MODE : 0,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                   (path[0] == '/' || dir_fd == AT_FDCWD ? 0 : RESOLVE_BENEATH),
    };
    int fd;

    do
        fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Opens the folder, which is made with its parents where it is missing; errno says why not. */
static int open_or_make(int dir_fd, const char *path, mode_t mode)
{
    int fd = open_without_links(dir_fd, path, O_RDONLY | O_DIRECTORY);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    /* Through the parent's descriptor: a link that takes its place meanwhile is not followed. */
    autofd parent_fd = strcmp(parent, path) == 0 ? -1 : open_or_make(dir_fd, parent, 0755);
    if (parent_fd < 0 || (mkdirat(parent_fd, name, mode) != 0 && errno != EEXIST))
        return -1;
    return open_without_links(parent_fd, name, O_RDONLY | O_DIRECTORY);
}

/* What has been opened is what it should be. With `close_others` their rights are taken away. */
static bool check(int fd, const char *path, bool is_folder, bool close_others, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        error_set_errno(error, errno, "cannot open", path);
        return false;
    }
    if (is_folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
        refuse(path, is_folder ? "it is no folder" : "it is no regular file", error);
        return false;
    }
    if (!trusted_is_owner(st.st_uid)) {
        refuse_owner(path, st.st_uid, error);
        return false;
    }
    if (st.st_mode & OTHERS_MAY_WRITE) {
        g_autofree char *why = g_strdup_printf(
            "others than its owner may write to it (mode %04o); look at what is in it, then "
            "'chmod go-w' it",
            (unsigned)(st.st_mode & 07777));
        refuse(path, why, error);
        return false;
    }
    /* A file system without modes keeps its own: those have been looked at above. */
    if (close_others && st.st_mode & OTHERS && st.st_uid == geteuid())
        (void)fchmod(fd, st.st_mode & 0700);
    return true;
}

int trusted_open_folder(int dir_fd, const char *path, bool make, GError **error)
{
    autofd fd = make ? open_or_make(dir_fd, path, FOLDER_MODE)
                     : open_without_links(dir_fd, path, O_RDONLY | O_DIRECTORY);

    if (fd < 0) {
        fail_open(dir_fd, path, true, error);
        return -1;
    }
    g_autofree char *full = trusted_path(dir_fd, path);
    return check(fd, full, true, make, error) ? fd_steal(&fd) : -1;
}

int trusted_open_file(int dir_fd, const char *path, int flags, GError **error)
{
    /* What is there may be anybody's until it has been looked at: nothing is cut off before. */
    autofd fd = open_without_links(dir_fd, path, flags & ~O_TRUNC);

    if (fd < 0) {
        fail_open(dir_fd, path, false, error);
        return -1;
    }
    g_autofree char *full = trusted_path(dir_fd, path);
    if (!check(fd, full, false, flags & O_CREAT, error))
        return -1;
    if (flags & O_TRUNC && ftruncate(fd, 0) != 0) {
        error_set_errno(error, errno, "cannot write", full);
        return -1;
    }
    return fd_steal(&fd);
}

bool trusted_check_file(int dir_fd, const char *path, bool close_others, GError **error)
{
    /* O_PATH: a file that is opened and closed loses the record locks that this process has on it,
     * and a database may have some. */
    autofd fd = open_without_links(dir_fd, path, O_PATH);

    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0) {
        fail_open(dir_fd, path, false, error);
        return false;
    }
    g_autofree char *full = trusted_path(dir_fd, path);
    if (!check(fd, full, false, false, error))
        return false;
    struct stat st;
    if (close_others && fstat(fd, &st) == 0 && st.st_mode & OTHERS && st.st_uid == geteuid())
        (void)fchmodat(dir_fd, path, st.st_mode & 0700, 0); /* nobody else can change the name */
    return true;
}

char *trusted_read(int dir_fd, const char *path, size_t max_bytes, size_t *ret_len, GError **error)
{
    autofd fd = trusted_open_file(dir_fd, path, O_RDONLY, error);

    if (fd < 0)
        return NULL;
    g_autofree char *full = trusted_path(dir_fd, path);
    return file_read_fd(fd, full, max_bytes, ret_len, error);
}

/* ---- people -------------------------------------------------------------------------------------
 */

bool trusted_peer(int socket_fd, GError **error)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot tell who is at the other end: %s",
                    g_strerror(errno));
        return false;
    }
    if (trusted_is_owner(peer.uid))
        return true;
    g_autofree char *name = trusted_user_name(peer.uid);
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                "the process at the other end of the socket is of the user %s", name);
    return false;
}

bool trusted_become_owner(const char *path, GError **error)
{
    struct stat st;

    if (geteuid() != 0 || lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid == 0)
        return true;
    const struct passwd *user = getpwuid(st.st_uid);
    gid_t group = user ? user->pw_gid : st.st_gid;
    int rc = user ? initgroups(user->pw_name, group) : setgroups(0, NULL);
    if (rc == 0 && setresgid(group, group, group) == 0 &&
        setresuid(st.st_uid, st.st_uid, st.st_uid) == 0)
        return true;
    g_autofree char *what =
        g_strdup_printf("cannot become the user %u, who has", (unsigned)st.st_uid);
    error_set_errno(error, errno, what, path);
    return false;
}
