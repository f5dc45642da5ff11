/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the folder of a bucket in the root, and removes it. */
#include "base/file.h"
#include "s3/hollow.h"
#include "s3/s3_bucket.h"
#include "s3/upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BUCKET_MODE 0775
#define MARK_VALUE  "1"

static DIR *open_list(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir)
        fd_clear(&fd);
    return dir;
}

/* Counts the entries whose names are legal for buckets. -1 with errno. */
static int64_t count_buckets(int root_fd)
{
    DIR *dir = open_list(root_fd);
    const struct dirent *entry;
    int64_t n = 0;

    if (!dir)
        return -1;
    for (errno = 0; (entry = readdir(dir)); errno = 0)
        n += bucket_name_is_legal(entry->d_name);
    if (errno)
        n = -1;
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
    return n;
}

S3Fault bucket_make(int root_fd, const char *name, int64_t max)
{
    const int64_t n = count_buckets(root_fd);
    struct stat st;

    if (n < 0)
        return s3_fault_from_errno(errno);
    if (fstatat(root_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return S3_BUCKET_EXISTS;
    if (n >= max)
        return S3_TOO_MANY_BUCKETS;
    if (mkdirat(root_fd, name, BUCKET_MODE) != 0)
        return errno == EEXIST ? S3_BUCKET_EXISTS : s3_fault_from_errno(errno);
    autofd fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* Without attributes, no client can remove the bucket. */
    if (fd >= 0)
        (void)fsetxattr(fd, BUCKET_MARK, MARK_VALUE, strlen(MARK_VALUE), 0);
    return fsync(root_fd) == 0 ? S3_OK : s3_fault_from_errno(errno);
}

/* Checks that the folder has nothing but its folder of uploads. */
static S3Fault check_empty(const S3Bucket *bucket)
{
    DIR *dir = open_list(bucket->fd);
    const struct dirent *entry;
    S3Fault fault = S3_OK;

    if (!dir)
        return s3_fault_from_errno(errno);
    for (errno = 0; fault == S3_OK && (entry = readdir(dir)); errno = 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strcmp(entry->d_name, S3_UPLOADS_FOLDER) != 0)
            fault = S3_BUCKET_NOT_EMPTY;
    }
    if (fault == S3_OK && errno)
        fault = s3_fault_from_errno(errno);
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
    return fault;
}

/* Removes the empty folder of the bucket from the folder above. */
static S3Fault remove_folder(const S3Bucket *bucket)
{
    g_autofree char *name = g_path_get_basename(bucket->path);
    autofd parent_fd = openat(bucket->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (parent_fd < 0)
        return s3_fault_from_errno(errno);
    /* The folder may have been renamed, and another one may have its name now. */
    if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !file_is_same(&st, &bucket->st))
        return S3_NO_SUCH_BUCKET;
    if (unlinkat(bucket->fd, S3_UPLOADS_FOLDER, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return S3_BUCKET_NOT_EMPTY;
    /* If an object has come in between, the bucket stays, and makes its folder of uploads anew. */
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) != 0)
        return errno == ENOTEMPTY || errno == EEXIST ? S3_BUCKET_NOT_EMPTY
                                                     : s3_fault_from_errno(errno);
    return fsync(parent_fd) == 0 ? S3_OK : s3_fault_from_errno(errno);
}

S3Fault bucket_remove(const S3Bucket *bucket)
{
    static const gint never = 0;
    const bool is_of_client = fgetxattr(bucket->fd, BUCKET_MARK, NULL, 0) >= 0;

    if (is_of_client) {
        bucket_lock(bucket);
        hollow_remove_below(bucket, bucket->fd);
        bucket_unlock(bucket);
    }
    S3Fault fault = check_empty(bucket);
    if (fault != S3_OK)
        return fault;
    if (!is_of_client)
        return S3_BUCKET_OF_OTHERS;
    /* Uploads that have not ended lose their place, as do those of clients that have gone. */
    upload_sweep(bucket, INT64_MAX, 0, &never);
    return remove_folder(bucket);
}
