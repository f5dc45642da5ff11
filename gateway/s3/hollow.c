/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/hollow.h"

#include "base/file.h"
#include "s3/folder_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

bool hollow_is_no_place(int errnum)
{
    S3Fault fault = s3_fault_of_open(errnum);

    return fault == S3_NO_SUCH_KEY || fault == S3_ACCESS_DENIED;
}

/* Checks the folder `name` in the folder `path`. False with errno. */
static bool check_entry(const S3Bucket *bucket, const char *path, const char *name,
                        bool *ret_is_hollow)
{
    g_autofree char *key = g_strconcat(path, name, NULL);
    g_autofree char *folder = g_strconcat(key, "/", NULL);

    *ret_is_hollow = true;
    if (bucket_is_private(name) || strlen(folder) > S3_KEY_MAX)
        return true;
    autofd fd = bucket_open_at(bucket, key, O_RDONLY | O_DIRECTORY);
    return fd < 0 ? hollow_is_no_place(errno) : hollow_check(bucket, fd, folder, ret_is_hollow);
}

bool hollow_check_below(const S3Bucket *bucket, int fd, const char *path, bool *ret_is_hollow)
{
    DIR *dir = folder_open_dir(fd);
    const struct dirent *entry;
    bool is_folder, ok = true;

    *ret_is_hollow = true;
    if (!dir)
        return hollow_is_no_place(errno);
    while (*ret_is_hollow && (ok = folder_next_entry(dir, &entry, &is_folder)) && entry) {
        *ret_is_hollow = is_folder;
        ok = !is_folder || check_entry(bucket, path, entry->d_name, ret_is_hollow);
        if (!ok)
            break;
    }
    int errnum = errno;
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
    errno = errnum;
    return ok;
}

bool hollow_check(const S3Bucket *bucket, int fd, const char *path, bool *ret_is_hollow)
{
    *ret_is_hollow = bucket_made_folder(fd);
    return !*ret_is_hollow || hollow_check_below(bucket, fd, path, ret_is_hollow);
}
