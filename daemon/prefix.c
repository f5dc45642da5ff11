/* SPDX-License-Identifier: Apache-2.0 */
#include "prefix.h"

#include "error.h"
#include "file.h"
#include "layout.h"
#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One part of the path, which is in the folder itself and no link. */
static int open_part(int folder_fd, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof how);
}

/* A folder above the prefix may be one that can be passed through, and not be read. */
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

static int open_or_make_part(int folder_fd, const char *name, bool is_last, bool may_make)
{
    int fd = is_last ? open_part(folder_fd, name) : pass_part(folder_fd, name);

    if (fd >= 0 || errno != ENOENT || !may_make)
        return fd;
    if (mkdirat(folder_fd, name, 0777) != 0 && errno != EEXIST)
        return -1;
    return is_last ? open_part(folder_fd, name) : pass_part(folder_fd, name);
}

static void fail_part(int folder_fd, const char *name, const char *prefix, GError **error)
{
    int errnum = errno;

    if ((errnum == ENOTDIR || errnum == ELOOP) && is_link(folder_fd, name))
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "cannot use the prefix '%s': '%s' in it is a symbolic link, which somebody "
                    "else could turn elsewhere; name the folder that it leads to",
                    prefix, name);
    else
        error_set_errno(error, errnum, "cannot open the folder of the thumbnails", prefix);
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
    const OwnerClaim claim = {.prefix = place,
                              .bucket = options->bucket,
                              .mark = options->mark,
                              .adopt = options->adopt,
                              .read_only = options->read_only};
    if (is_absolute && !owner_claim(fd, &claim, error))
        return -1;
    *ret_path =
        is_absolute ? g_steal_pointer(&place) : g_build_filename(options->bucket, place, NULL);
    return fd_steal(&fd);
}
