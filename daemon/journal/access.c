/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/access.h"

#include "base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Bytes of "/proc/self/fd/N". */
#define SELF_MAX 32

#define FILE_BITS 0666
/* Others get no right to replace files in the folder. */
#define FOLDER_BITS 0755

/* Names the file by way of /proc, which works with a descriptor of O_PATH, too. */
static const char *self_path(int fd, char path[static SELF_MAX])
{
    (void)snprintf(path, SELF_MAX, "/proc/self/fd/%d", fd);
    return path;
}

#define LIST_OF_FILE   "system.posix_acl_access"
#define LIST_OF_FOLDER "system.posix_acl_default"

static bool has_attribute(int fd, const char *name)
{
    char self[SELF_MAX];

    return getxattr(self_path(fd, self), name, NULL, 0) > 0;
}

static bool has_list(int fd)
{
    return has_attribute(fd, LIST_OF_FILE);
}

/* Takes away the access control lists that a folder inherits from the folder above it: a change of
 * the mode would give rights to their users. Returns false if a list stays. */
static bool drop_lists(int fd, bool is_folder)
{
    char self[SELF_MAX];

    /* The removal of a list that does not exist would change the folder, too. */
    if (is_folder && has_attribute(fd, LIST_OF_FOLDER))
        /* This list has an effect only on files that are made later. */
        (void)removexattr(self_path(fd, self), LIST_OF_FOLDER);
    return !has_list(fd) || removexattr(self_path(fd, self), LIST_OF_FILE) == 0;
}

void access_close(Access *access)
{
    access->mode &= 0700;
}

/* Derives the mode of folders from that of thumbnails: users with the right to read may search the
 * folder, too. */
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
    /* The daemon itself always has access. */
    ret_access->mode |= is_folder ? 0700 : 0600;
    if (setting == ACCESS_OF_SOURCE && has_list(fd))
        access_close(ret_access);
    return true;
}

/* Gives group and others the rights that both had: a member of the lost group now counts as one of
 * the others. */
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
    /* Only root may change the owner: otherwise the thumbnails stay the daemon's. The change comes
     * last, because it ends the right to change the mode. */
    if (is_of_source && st.st_uid != access->uid)
        (void)fchownat(fd, "", access->uid, (gid_t)-1, AT_EMPTY_PATH);
    return 0;
}

/* Returns the rights that both the wanted mode and the present one contain. The owner keeps the
 * daemon's own rights. */
static mode_t common_mode(const Access *access, const struct stat *st, bool is_other_group)
{
    mode_t wanted = is_other_group ? without_group(access->mode) : access->mode;
    mode_t there = is_other_group ? without_group(st->st_mode) : st->st_mode;

    return (st->st_mode & 0700) | (wanted & there & 077);
}

int access_narrow(int fd, const Access *access, bool is_ours, bool *ret_lacks)
{
    bool is_of_source = access->setting == ACCESS_OF_SOURCE;
    char self[SELF_MAX];
    struct stat st;

    if (fstat(fd, &st) != 0)
        return errno;
    bool is_other_group = is_of_source && st.st_gid != access->gid;
    bool is_other_owner = is_of_source && st.st_uid != access->uid && geteuid() == 0;
    mode_t mode = common_mode(access, &st, is_other_group);
    if (is_ours && !drop_lists(fd, S_ISDIR(st.st_mode)))
        mode &= 0700;
    if ((st.st_mode & 0777) != mode &&
        FAILPOINT("access.narrow", chmod(self_path(fd, self), mode)) != 0)
        return errno;
    /* Neither the old owner nor the new one may see the other's files. */
    if (is_ours && is_other_owner && st.st_uid != 0 &&
        fchownat(fd, "", 0, (gid_t)-1, AT_EMPTY_PATH) != 0)
        return errno;
    *ret_lacks = is_other_owner || is_other_group || mode != access->mode;
    return 0;
}
