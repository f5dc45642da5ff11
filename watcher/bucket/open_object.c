/* SPDX-License-Identifier: Apache-2.0 */
/* Opens an object of the bucket, or reads its version (watcher/bucket.h). */
#include "base/error.h"
#include "base/file.h"
#include "bucket/beneath.h"
#include "watcher/bucket.h"

#include <errno.h>
#include <fcntl.h>

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
