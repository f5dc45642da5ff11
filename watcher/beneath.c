/* SPDX-License-Identifier: Apache-2.0 */
#include "beneath.h"

#include "bucket.h"
#include "error.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xFF534D42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xFE534D42
#endif

int beneath_open(int bucket_fd, const char *key, int flags, int *ret_fd)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd;
    do {
        fd = syscall(SYS_openat2, bucket_fd, *key ? key : ".", &how, sizeof how);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return errno;
    *ret_fd = (int)fd;
    return 0;
}

int beneath_stat(int bucket_fd, const char *key, struct stat *ret_st)
{
    autofd fd = -1;
    int errnum = beneath_open(bucket_fd, key, O_PATH, &fd);
    if (errnum == 0 && fstat(fd, ret_st) < 0)
        errnum = errno;
    return errnum;
}

bool beneath_is_gone(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == ENXIO ||
           errnum == ENODEV || errnum == ENAMETOOLONG;
}

bool beneath_is_short(int errnum)
{
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM;
}

bool beneath_is_remote(int fd)
{
    static const uint32_t remote[] = {
        NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,  SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC,
        FUSE_SUPER_MAGIC, V9FS_MAGIC,       CEPH_SUPER_MAGIC, AFS_SUPER_MAGIC,
        AFS_FS_MAGIC,     CODA_SUPER_MAGIC, NCP_SUPER_MAGIC,  OCFS2_SUPER_MAGIC,
    };
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(remote); i++) {
        if ((uint32_t)fs.f_type == remote[i])
            return true;
    }
    return false;
}

BeneathState beneath_probe(int bucket_fd, const char *key, struct stat *ret_st)
{
    /* To open it is to be heard of at the other end, should it be a pipe. */
    int errnum = beneath_stat(bucket_fd, key, ret_st);
    if (beneath_is_short(errnum))
        return BENEATH_SHORT;
    if (errnum != 0 || !S_ISREG(ret_st->st_mode))
        return BENEATH_GONE;
    return beneath_probe_file(bucket_fd, key, ret_st);
}

BeneathState beneath_probe_file(int bucket_fd, const char *key, struct stat *st)
{
    struct stat now;
    autofd fd = -1;
    int errnum = beneath_open(bucket_fd, key, O_RDONLY | O_NONBLOCK, &fd);
    if (errnum == EWOULDBLOCK) /* somebody holds a write lease */
        return BENEATH_BUSY;
    if (errnum != 0)
        return beneath_is_gone(errnum) ? BENEATH_GONE : BENEATH_UNKNOWN;
    /*
     * Whoever opens the file for writing while we hold the lease makes the kernel send us a signal:
     * SIGIO, which kills, unless it is one that is ignored by default.
     */
    if (fcntl(fd, F_SETSIG, SIGURG) < 0)
        return BENEATH_UNKNOWN;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0) {
        /* NFS and SMB say EAGAIN whenever their server has not lent them the file. */
        return errno == EAGAIN && !beneath_is_remote(fd) ? BENEATH_BUSY : BENEATH_UNKNOWN;
    }
    /* After the lease was granted: the writer may have closed the file between the two calls. */
    if (fstat(fd, &now) == 0 && S_ISREG(now.st_mode))
        *st = now;
    return BENEATH_WHOLE; /* closing the descriptor gives the lease back */
}

/* ---- the public part: objects -------------------------------------------------------------------
 */

static void set_error(GError **error, int errnum, const char *key)
{
    g_autofree char *text = object_key_to_text(key, NULL);
    if (errnum == ENOSYS)
        g_set_error(error, THUMBQ_ERROR, ERROR_IO,
                    "cannot open '%s': this kernel has no openat2; Linux 5.6 or newer is needed",
                    text);
    else if (beneath_is_gone(errnum))
        g_set_error(error, THUMBQ_ERROR, ERROR_SOURCE_GONE, "no such file '%s' in the bucket",
                    text);
    else
        error_set_errno(error, errnum, "cannot open", text);
}

static int open_object(int bucket_fd, const char *key, int flags, struct stat *ret_st)
{
    autofd fd = -1;
    int errnum = object_key_is_valid(key) ? beneath_open(bucket_fd, key, flags, &fd) : ENOENT;
    if (errnum == 0 && fstat(fd, ret_st) < 0)
        errnum = errno;
    if (errnum == 0 && !S_ISREG(ret_st->st_mode))
        errnum = ENOENT;
    if (errnum == 0)
        return fd_steal(&fd);
    errno = errnum;
    return -1;
}

int bucket_open_object(int bucket_fd, const char *key, ObjectVersion *ret_version, GError **error)
{
    struct stat st;
    autofd fd = open_object(bucket_fd, key, O_RDONLY | O_NONBLOCK, &st);
    if (fd < 0) {
        set_error(error, errno, key);
        return -1;
    }
    object_version_from_stat(&st, ret_version);
    return fd_steal(&fd);
}

bool bucket_stat_object(int bucket_fd, const char *key, ObjectVersion *ret_version, GError **error)
{
    struct stat st;
    autofd fd = open_object(bucket_fd, key, O_PATH, &st);
    if (fd < 0) {
        set_error(error, errno, key);
        return false;
    }
    object_version_from_stat(&st, ret_version);
    return true;
}
