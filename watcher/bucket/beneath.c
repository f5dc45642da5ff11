/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket/beneath.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdint.h>
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
    /*
     * The file is not opened before its type is known: opening one end of a FIFO would wake the
     * program at the other end.
     */
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
    /* Another process holds a write lease. */
    if (errnum == EWOULDBLOCK)
        return BENEATH_BUSY;
    if (errnum != 0)
        return beneath_is_gone(errnum) ? BENEATH_GONE : BENEATH_UNKNOWN;
    /*
     * If another process opens the file for writing during the lease, the kernel sends a signal.
     * The default, SIGIO, would end this process; SIGURG is ignored by default.
     */
    if (fcntl(fd, F_SETSIG, SIGURG) < 0)
        return BENEATH_UNKNOWN;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0) {
        /*
         * NFS and SMB report EAGAIN whenever their server has not delegated the file to this
         * machine.
         */
        return errno == EAGAIN && !beneath_is_remote(fd) ? BENEATH_BUSY : BENEATH_UNKNOWN;
    }
    /*
     * The file is checked again after the lease was granted: a writer may have closed it between
     * the two calls.
     */
    if (fstat(fd, &now) == 0 && S_ISREG(now.st_mode))
        *st = now;
    /* Closing the descriptor ends the lease. */
    return BENEATH_WHOLE;
}
