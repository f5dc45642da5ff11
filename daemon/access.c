/* SPDX-License-Identifier: Apache-2.0 */
#include "access.h"

#include "failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SELF_MAX 32 /* bytes of "/proc/self/fd/N" */

#define FILE_BITS   0666
#define FOLDER_BITS 0755 /* others get no right to replace what lies there */

/* So that it works with O_PATH, too. */
static const char *self_path(int fd, char path[static SELF_MAX])
{
    (void)snprintf(path, SELF_MAX, "/proc/self/fd/%d", fd);
    return path;
}

#define LIST_OF_FILE   "system.posix_acl_access"
#define LIST_OF_FOLDER "system.posix_acl_default"

static bool has_list(int fd)
{
    char self[SELF_MAX];

    return getxattr(self_path(fd, self), LIST_OF_FILE, NULL, 0) > 0;
}

/* Takes away the access control lists that a folder above hands down to all that is made in it: a
 * change of the mode would give their users rights. False if one stays. */
static bool drop_lists(int fd, bool is_folder)
{
    char self[SELF_MAX];

    if (is_folder)
        (void)removexattr(self_path(fd, self), LIST_OF_FOLDER); /* it is for what is made later */
    return !has_list(fd) || removexattr(self_path(fd, self), LIST_OF_FILE) == 0;
}

void access_close(Access *access)
{
    access->mode &= 0700;
}

/* The mode of all thumbnails as that of a folder: who may read may look into it. */
static mode_t folder_mode(int setting)
{
    mode_t mode = (mode_t)setting;

    return (mode | (mode & 0444) >> 2) & FOLDER_BITS;
}

bool access_of(int fd, int setting, Access *ret_access)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    bool is_folder = S_ISDIR(st.st_mode);
    *ret_access = (Access){.setting = setting, .uid = st.st_uid, .gid = st.st_gid};
    if (setting != ACCESS_OF_SOURCE)
        ret_access->mode = is_folder ? folder_mode(setting) : (mode_t)setting;
    else
        ret_access->mode = st.st_mode & (is_folder ? FOLDER_BITS : FILE_BITS);
    ret_access->mode |= is_folder ? 0700 : 0600; /* the daemon's own */
    if (setting == ACCESS_OF_SOURCE && has_list(fd))
        access_close(ret_access);
    return true;
}

/* Group and others get what both had: who is in another group now counts as the other. */
static mode_t without_group(mode_t mode)
{
    mode_t both = mode & mode >> 3 & 07;

    return (mode & ~(mode_t)077) | both << 3 | both;
}

int access_apply(int fd, const Access *access)
{
    bool is_of_source = access->setting == ACCESS_OF_SOURCE;
    mode_t mode = access->mode;
    char self[SELF_MAX];
    struct stat st;

    if (fstat(fd, &st) != 0)
        return errno;
    if (!drop_lists(fd, S_ISDIR(st.st_mode)))
        mode &= 0700;
    if (is_of_source && st.st_gid != access->gid &&
        fchownat(fd, "", (uid_t)-1, access->gid, AT_EMPTY_PATH) != 0)
        mode = without_group(mode);
    if ((st.st_mode & 07777) != mode &&
        FAILPOINT("access.mode", chmod(self_path(fd, self), mode)) != 0)
        return errno;
    /* Root alone may: others' thumbnails stay the daemon's. Last, since that takes the right to
     * change the mode. */
    if (is_of_source && st.st_uid != access->uid)
        (void)fchownat(fd, "", access->uid, (gid_t)-1, AT_EMPTY_PATH);
    return 0;
}
