/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/hollow.h"

#include "base/file.h"
#include "s3/folder_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const S3Bucket *bucket;
    /* Folders of this kind and of worse ones are not entered. */
    ReservedKind forbidden;
    /* Number of folders that may still be opened. */
    unsigned *left;
    bool removes;
} HollowSearch;

bool hollow_is_no_place(int errnum)
{
    S3Fault fault = s3_fault_of_open(errnum);

    return fault == S3_NO_SUCH_KEY || fault == S3_ACCESS_DENIED;
}

static bool search_folder(const HollowSearch *search, int fd, size_t path_len);

/* True if the folder `name`, whose path with its '/' has `path_len` bytes, has no key. */
static bool search_entry(const HollowSearch *search, int dir_fd, const char *name, size_t path_len)
{
    if (bucket_is_private(name) || path_len > S3_KEY_MAX)
        return true;
    if (*search->left == 0)
        return false;
    --*search->left;
    autofd fd = bucket_open_below(search->bucket, dir_fd, name, search->forbidden);
    if (fd < 0)
        return s3_fault_of_open(errno) == S3_NO_SUCH_KEY;
    return bucket_made_folder(fd) && search_folder(search, fd_steal(&fd), path_len) &&
           (!search->removes || unlinkat(dir_fd, name, AT_REMOVEDIR) == 0);
}

/* True if the open folder has only hollow folders in it. Takes ownership of `fd`. */
static bool search_folder(const HollowSearch *search, int fd, size_t path_len)
{
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool is_folder, ok;

    if (!dir) {
        fd_clear(&fd);
        return false;
    }
    while ((ok = folder_next_entry(dir, &entry, &is_folder)) && entry) {
        ok = is_folder &&
             search_entry(search, dirfd(dir), entry->d_name, path_len + strlen(entry->d_name) + 1);
        if (!ok)
            break;
    }
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
    return ok;
}

/* A descriptor for one pass over the names in the open folder. -1 on error. Owner: the caller. */
static int open_again(int fd)
{
    return openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool hollow_check_below(const S3Bucket *bucket, int fd, size_t path_len, unsigned *left)
{
    const HollowSearch search = {.bucket = bucket, .forbidden = RESERVED_PRIVATE, .left = left};

    return search_folder(&search, open_again(fd), path_len);
}

bool hollow_check(const S3Bucket *bucket, int fd, size_t path_len, unsigned *left)
{
    return *left > 0 && bucket_made_folder(fd) && hollow_check_below(bucket, fd, path_len, left);
}

void hollow_remove_below(const S3Bucket *bucket, int fd)
{
    unsigned left = HOLLOW_REMOVED_MAX;
    const HollowSearch search = {
        .bucket = bucket, .forbidden = RESERVED_OUTPUT, .left = &left, .removes = true};

    /* If other folders or files stay, the caller cannot remove the folder, and says so. */
    (void)search_folder(&search, open_again(fd), 0);
}
