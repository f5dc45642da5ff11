/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/prefix.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "journal/named.h"
#include "journal/owner.h"
#include "model/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opens one part of the path, which lies in the folder itself and is not a link. */
static int open_part(int folder_fd, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof how);
}

/* Opens a folder above the prefix, which may have search permission without read permission. */
static int pass_part(int folder_fd, const char *name)
{
    struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof how);
}

static bool is_link(int folder_fd, const char *name)
{
    struct stat st;
    return fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* Opens one folder of the prefix's path, and makes it first if it may and must. */
static int open_or_make_part(int folder_fd, const char *name, bool is_last, bool may_make)
{
    int fd = is_last ? open_part(folder_fd, name) : pass_part(folder_fd, name);

    if (fd >= 0 || errno != ENOENT || !may_make)
        return fd;
    if (mkdirat(folder_fd, name, 0755) != 0 && errno != EEXIST)
        return -1;
    return is_last ? open_part(folder_fd, name) : pass_part(folder_fd, name);
}

/* Sets the error for a folder of the prefix that cannot be opened; errno says why. */
static void fail_part(int folder_fd, const char *name, const char *prefix, GError **error)
{
    int errnum = errno;

    if ((errnum == ENOTDIR || errnum == ELOOP) && is_link(folder_fd, name))
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "cannot use the prefix '%s': '%s' in it is a symbolic link, which another "
                    "user could redirect; name the folder that it leads to",
                    prefix, name);
    else
        error_set_errno(error, errnum, "cannot open the folder of the thumbnails", prefix);
}

#define OTHERS_MAY_WRITE (S_IWGRP | S_IWOTH)

/* True for a file system that gives all new files the same owner and rights (FAT, some network file
 * systems). There owner and rights say nothing. */
static bool has_one_owner(int fd, const struct stat *folder)
{
    g_autofree char *name = g_strdup_printf(NAMED_PREFIX "probe-%d", (int)getpid());
    struct stat made;

    autofd file = openat(fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
    bool is_known = file >= 0 && fstat(file, &made) == 0;
    if (file >= 0)
        /* On failure the next start removes it. */
        (void)unlinkat(fd, name, 0);
    return is_known && made.st_uid == folder->st_uid &&
           (made.st_mode & OTHERS_MAY_WRITE) == (folder->st_mode & OTHERS_MAY_WRITE);
}

/* Sets the error for a prefix that another user owns or may write to. */
static void refuse(const char *path, const struct stat *st, GError **error)
{
    g_autofree char *owner = trusted_user_name(st->st_uid);
    g_autofree char *self = trusted_user_name(geteuid());

    if (!trusted_is_owner(st->st_uid))
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                    "cannot use '%s' for thumbnails: the folder belongs to the user %s, thumbq "
                    "runs as %s; move the folder away, or give it to that user",
                    path, owner, self);
    else
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                    "cannot use '%s' for thumbnails: others than its owner %s may write to the "
                    "folder (mode %04o); check its files, then 'chmod go-w' it",
                    path, owner, (unsigned)(st->st_mode & 07777));
}

/* Fails if another user owns the folder, or may write to it, and so could replace thumbnails. A
 * folder of the daemon's user is closed to others instead. */
static bool check_owner(int fd, const char *path, bool read_only, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        error_set_errno(error, errno, "cannot examine", path);
        return false;
    }
    bool is_own = st.st_uid == geteuid();
    if (is_own && st.st_mode & OTHERS_MAY_WRITE && !read_only &&
        fchmod(fd, st.st_mode & 07777 & ~(mode_t)OTHERS_MAY_WRITE) == 0 && fstat(fd, &st) != 0) {
        error_set_errno(error, errno, "cannot examine", path);
        return false;
    }
    /* A read-only run changes nothing; the daemon would close the folder. */
    bool is_closed = (st.st_mode & OTHERS_MAY_WRITE) == 0 || (is_own && read_only);
    if (trusted_is_owner(st.st_uid) && is_closed)
        return true;
    if (!read_only && has_one_owner(fd, &st))
        return true;
    refuse(path, &st, error);
    return false;
}

int prefix_open(const PublisherOptions *options, char **ret_path, GError **error)
{
    g_autofree char *place = layout_below_bucket(options->bucket, options->prefix);
    bool is_absolute = place[0] == '/';
    const char *start = is_absolute ? "/" : options->bucket;
    g_auto(GStrv) parts = g_strsplit(is_absolute ? place + 1 : place, "/", -1);
    autofd fd = open(start, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        error_set_errno(error, errno, "cannot open", start);
        return -1;
    }
    for (char **part = parts; *part; part++) {
        autofd next = open_or_make_part(fd, *part, !part[1], !options->read_only);
        if (next < 0 && options->read_only && errno == ENOENT) {
            *ret_path = is_absolute ? g_steal_pointer(&place)
                                    : g_build_filename(options->bucket, place, NULL);
            return fcntl(options->stand_in_fd, F_DUPFD_CLOEXEC, 0);
        }
        if (next < 0) {
            fail_part(fd, *part, options->prefix, error);
            return -1;
        }
        fd_clear(&fd);
        fd = fd_steal(&next);
    }
    g_autofree char *path =
        is_absolute ? g_strdup(place) : g_build_filename(options->bucket, place, NULL);
    if (!check_owner(fd, path, options->read_only, error))
        return -1;
    const OwnerClaim claim = {.prefix = place,
                              .bucket = options->bucket,
                              .mark = options->mark,
                              .adopt = options->adopt,
                              .read_only = options->read_only};
    if (is_absolute && !owner_claim(fd, &claim, error))
        return -1;
    *ret_path = g_steal_pointer(&path);
    return fd_steal(&fd);
}
