/* SPDX-License-Identifier: Apache-2.0 */
#include "base/trusted.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER_MODE 0700
#define FILE_MODE   0600
#define LINKS_MAX   8
/* Mode bits of the group and of other users. */
#define OTHERS           077
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
                "cannot use '%s': it belongs to the user %s, thumbq runs as %s; run thumbq as that "
                "user if you trust the user, else remove it",
                path, owner, self);
}

char *trusted_users_of(uid_t uid)
{
    g_autofree char *owner = trusted_user_name(uid);

    return uid == 0 ? g_strdup("root") : g_strdup_printf("the user %s, or as root", owner);
}

/*
 * Finds the owner of `path`, or of the nearest folder above it if this process cannot see `path`:
 * that folder has refused the access.
 */
static bool find_owner(const char *path, uid_t *ret_uid)
{
    g_autofree char *at = g_strdup(path);
    struct stat st;

    while (lstat(at, &st) != 0) {
        char *above = g_path_get_dirname(at);
        bool is_top = strcmp(above, at) == 0;
        g_free(at);
        at = above;
        if (is_top)
            return false;
    }
    *ret_uid = st.st_uid;
    return true;
}

void trusted_set_errno(GError **error, int errnum, const char *what, const char *path)
{
    g_autoptr(GError) plain = NULL;
    uid_t uid;

    error_set_errno(&plain, errnum, what, path);
    if (errnum != EACCES || geteuid() == 0 || !find_owner(path, &uid) || uid == geteuid()) {
        g_propagate_error(error, g_steal_pointer(&plain));
        return;
    }
    g_autofree char *users = trusted_users_of(uid);
    g_set_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED, "%s; run thumbq as %s", plain->message,
                users);
}

/* Sets the error of a failed open from errno. `full` is the path for messages. */
static void fail_open(int dir_fd, const char *path, bool is_folder, GError **error)
{
    int errnum = errno;
    g_autofree char *full = trusted_path(dir_fd, path);
    struct stat st;

    if (errnum == ELOOP)
        refuse(full,
               "it is a symbolic link, or its path contains one; write the path without links",
               error);
    else if (errnum == ENOTDIR && is_folder)
        refuse(full, "it is no folder", error);
    else if (errnum == ENXIO || errnum == ENODEV || (errnum == EISDIR && !is_folder))
        refuse(full, "it is no regular file", error);
    else if (errnum == EACCES && fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
             !trusted_is_owner(st.st_uid))
        refuse_owner(full, st.st_uid, error);
    else if (is_folder)
        trusted_set_errno(error, errnum, "cannot open", full);
    else
        error_set_errno(error, errnum, "cannot open", full);
}

int trusted_open_without_links(int dir_fd, const char *path, int flags)
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

/* Opens a folder. A missing folder is made, with its parents. Sets errno on failure. */
static int open_or_make(int dir_fd, const char *path, mode_t mode)
{
    int fd = trusted_open_without_links(dir_fd, path, O_RDONLY | O_DIRECTORY);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    /*
     * The folder is made through the parent's descriptor: a symbolic link that replaces the parent
     * meanwhile is not followed.
     */
    autofd parent_fd = strcmp(parent, path) == 0 ? -1 : open_or_make(dir_fd, parent, 0755);
    if (parent_fd < 0 || (mkdirat(parent_fd, name, mode) != 0 && errno != EEXIST))
        return -1;
    return trusted_open_without_links(parent_fd, name, O_RDONLY | O_DIRECTORY);
}

/*
 * Checks the type and the owner of an open file. With `close_others` the rights of other users are
 * removed.
 */
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
        g_autofree char *why = g_strdup_printf("others than its owner may write to it (mode %04o); "
                                               "check its content, then run 'chmod go-w' on it",
                                               (unsigned)(st.st_mode & 07777));
        refuse(path, why, error);
        return false;
    }
    /* A file system without modes ignores the change; the check above has refused unsafe modes. */
    if (close_others && st.st_mode & OTHERS && st.st_uid == geteuid())
        (void)fchmod(fd, st.st_mode & 0700);
    return true;
}

int trusted_open_folder(int dir_fd, const char *path, bool make, GError **error)
{
    autofd fd = make ? open_or_make(dir_fd, path, FOLDER_MODE)
                     : trusted_open_without_links(dir_fd, path, O_RDONLY | O_DIRECTORY);

    if (fd < 0) {
        fail_open(dir_fd, path, true, error);
        return -1;
    }
    g_autofree char *full = trusted_path(dir_fd, path);
    return check(fd, full, true, make, error) ? fd_steal(&fd) : -1;
}

int trusted_open_file(int dir_fd, const char *path, int flags, GError **error)
{
    /* An existing file may belong to any user until it is checked, so it is not truncated before.
     */
    autofd fd = trusted_open_without_links(dir_fd, path, flags & ~O_TRUNC);

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
    /*
     * O_PATH: closing an ordinary descriptor drops the record locks that this process holds on the
     * file, and a database may have such locks.
     */
    autofd fd = trusted_open_without_links(dir_fd, path, O_PATH);

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
        /*
         * Other users cannot write to the folder, so the name still means the file that was
         * checked.
         */
        (void)fchmodat(dir_fd, path, st.st_mode & 0700, 0);
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

/* Reads the link `path`. *ret_target NULL: it is no link. The target is absolute. */
static bool read_link(const char *path, char **ret_target, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    char text[PATH_MAX];
    struct stat st;

    *ret_target = NULL;
    /* An error is that of the file. */
    if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
        return true;
    autofd fd = trusted_open_folder(AT_FDCWD, folder, false, error);
    if (fd < 0)
        return false;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(st.st_mode)) {
        refuse(path, "it changes", error);
        return false;
    }
    if (!trusted_is_owner(st.st_uid)) {
        refuse_owner(path, st.st_uid, error);
        return false;
    }
    ssize_t len = readlinkat(fd, name, text, sizeof text);
    if (len < 0 || len == (ssize_t)sizeof text) {
        refuse(path, "its link cannot be read", error);
        return false;
    }
    text[len] = '\0';
    /* The path of the folder has no links, so that `..` in the target is the folder above. */
    *ret_target = g_canonicalize_filename(text, folder);
    return true;
}

char *trusted_read_linked(const char *path, size_t max_bytes, size_t *ret_len, GError **error)
{
    g_autofree char *at = g_strdup(path);

    for (int i = 0; i < LINKS_MAX; i++) {
        char *target;
        if (!read_link(at, &target, error))
            return NULL;
        if (!target)
            return trusted_read(AT_FDCWD, at, max_bytes, ret_len, error);
        g_free(at);
        at = target;
    }
    refuse(path, "it leads through too many symbolic links", error);
    return NULL;
}

bool trusted_peer_read(int socket_fd, struct ucred *ret_peer, GError **error)
{
    socklen_t len = sizeof *ret_peer;

    if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, ret_peer, &len) == 0)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_IO,
                "cannot read the user at the other end of the socket: %s", g_strerror(errno));
    return false;
}

bool trusted_peer(int socket_fd, GError **error)
{
    struct ucred peer;

    if (!trusted_peer_read(socket_fd, &peer, error))
        return false;
    if (trusted_is_owner(peer.uid))
        return true;
    g_autofree char *name = trusted_user_name(peer.uid);
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                "the process at the other end of the socket belongs to the user %s", name);
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
        g_strdup_printf("cannot switch to the user %u, the owner of", (unsigned)st.st_uid);
    error_set_errno(error, errno, what, path);
    return false;
}
