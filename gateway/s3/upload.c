/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/upload.h"

#include "base/clock.h"
#include "base/file.h"
#include "s3/multipart.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE   0660
#define FOLDER_MODE 0775
/* Most attempts to put an object into a folder that others remove at the same time. */
#define PLACES_MAX 100
#define COPY_BYTES ((size_t)256 * 1024)
/* Bytes of which the kernel is told at once to write them to the disk. */
#define FLUSH_BYTES ((int64_t)4 * 1024 * 1024)

struct Upload {
    const S3Bucket *bucket;
    char *key, *name;
    Meta meta;
    /* Folder in which the file is made. */
    int folder_fd;
    int fd;
    /* Folder of the multipart upload that the object comes from, borrowed; -1: there is none. */
    int multipart_fd;
    /* errno of a failed write; 0: none has failed. */
    int errnum;
    /* The key is "dir/". */
    bool key_is_folder;
    bool is_in_place;
    WriteCondition condition;
    int64_t len;
    /* Bytes that the kernel has been told to write to the disk. */
    int64_t flushed;
};

Upload *upload_open_part(const S3Bucket *bucket, int folder_fd, const char *name,
                         S3Fault *ret_fault)
{
    autofd folder = folder_fd;
    autofd fd = folder < 0 ? -1
                           : openat(folder, name,
                                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);

    if (fd < 0) {
        *ret_fault = s3_fault_from_errno(errno);
        return NULL;
    }
    Upload *upload = g_new0(Upload, 1);
    upload->bucket = bucket;
    upload->condition = (WriteCondition){.size = -1, .mtime_s = -1};
    upload->name = g_strdup(name);
    upload->folder_fd = fd_steal(&folder);
    upload->fd = fd_steal(&fd);
    upload->multipart_fd = -1;
    return upload;
}

Upload *upload_open(const S3Bucket *bucket, const char *key, const char *name, S3Fault *ret_fault)
{
    if (bucket->uploads_fd < 0) {
        *ret_fault = S3_ACCESS_DENIED;
        return NULL;
    }
    int folder_fd = fcntl(bucket->uploads_fd, F_DUPFD_CLOEXEC, 0);
    Upload *upload = upload_open_part(bucket, folder_fd, name, ret_fault);
    if (upload) {
        upload->key = g_strdup(key);
        upload->key_is_folder = g_str_has_suffix(key, "/");
    }
    return upload;
}

void upload_free(Upload *upload)
{
    if (!upload)
        return;
    fd_clear(&upload->fd);
    /* If the removal fails, a sweep removes the file later. */
    if (!upload->is_in_place)
        (void)unlinkat(upload->folder_fd, upload->name, 0);
    fd_clear(&upload->folder_fd);
    meta_clear(&upload->meta);
    write_condition_clear(&upload->condition);
    g_free(upload->key);
    g_free(upload->name);
    g_free(upload);
}

Meta *upload_meta(Upload *upload)
{
    return &upload->meta;
}

void upload_set_condition(Upload *upload, WriteCondition *condition)
{
    write_condition_clear(&upload->condition);
    upload->condition = *condition;
    *condition = (WriteCondition){.size = -1, .mtime_s = -1};
}

void upload_set_multipart(Upload *upload, int folder_fd)
{
    upload->multipart_fd = folder_fd;
}

bool upload_is_in_place(const Upload *upload)
{
    return upload->is_in_place;
}

/* Has the kernel begin to write to the disk, so that it works while the rest of the body arrives
 * and is hashed, and the sync at the end has less to wait for. */
static void flush_early(Upload *upload)
{
    if (upload->len - upload->flushed < FLUSH_BYTES)
        return;
    /* The sync at the end reports errors. */
    (void)sync_file_range(upload->fd, upload->flushed, upload->len - upload->flushed,
                          SYNC_FILE_RANGE_WRITE);
    upload->flushed = upload->len;
}

bool upload_write(Upload *upload, const void *bytes, size_t len)
{
    const char *at = bytes;

    upload->len += (int64_t)len;
    while (len > 0 && !upload->errnum) {
        ssize_t n = write(upload->fd, at, len);
        if (n < 0 && errno != EINTR)
            upload->errnum = errno;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    flush_early(upload);
    return !upload->errnum;
}

bool upload_append_file(Upload *upload, int fd, int64_t offset, int64_t len, HttpDigest *digest,
                        HttpDigest *other, const gint *is_stopped)
{
    g_autofree uint8_t *buffer = g_malloc(COPY_BYTES);

    while (len > 0 && !upload->errnum) {
        if (g_atomic_int_get(is_stopped)) {
            upload->errnum = ECANCELED;
            break;
        }
        ssize_t n = pread(fd, buffer, (size_t)MIN(len, (int64_t)COPY_BYTES), offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            upload->errnum = n < 0 ? errno : EIO;
            break;
        }
        if (digest)
            http_digest_update(digest, buffer, (size_t)n);
        if (other)
            http_digest_update(other, buffer, (size_t)n);
        /* An error of the write ends the loop. */
        (void)upload_write(upload, buffer, (size_t)n);
        offset += n;
        len -= n;
    }
    return !upload->errnum;
}

S3Fault upload_finish_part(Upload *upload, const char *part)
{
    struct timespec now;

    if (upload->errnum)
        return s3_fault_from_errno(upload->errnum);
    /* Of two parts with the same number the later one counts. The kernel's own time stamps are the
     * same within some milliseconds. */
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (futimens(upload->fd, (struct timespec[]){now, now}) != 0 || fsync(upload->fd) != 0 ||
        renameat(upload->folder_fd, upload->name, upload->folder_fd, part) != 0)
        return errno == ENOENT ? S3_NO_SUCH_UPLOAD : s3_fault_from_errno(errno);
    upload->is_in_place = true;
    return fsync(upload->folder_fd) == 0 ? S3_OK : s3_fault_from_errno(errno);
}

/* The fault for errno. *ret_again: another program has removed a folder of the key, and the caller
 * has to make it again. */
static S3Fault fault_of_place(bool *ret_again)
{
    *ret_again = errno == ENOENT;
    return *ret_again ? S3_SLOW_DOWN : s3_fault_from_errno(errno);
}

/* Checks the conditions against what has the name now, which is `st` (NULL: nothing). */
static S3Fault check_condition(const Upload *upload, int parent_fd, const char *name,
                               const struct stat *st)
{
    const WriteCondition *condition = &upload->condition;

    if (!st)
        return condition->match ? S3_NO_SUCH_KEY : S3_OK;
    if (!condition->none_match && !condition->match)
        return S3_OK;
    g_autofree char *etag =
        S_ISREG(st->st_mode) ? meta_read_etag(parent_fd, name, st) : g_strdup(S3_EMPTY_ETAG);
    if (!etag)
        return s3_fault_from_errno(errno);
    return write_condition_holds(condition, etag, st->st_size, st->st_mtim.tv_sec)
               ? S3_OK
               : S3_PRECONDITION_FAILED;
}

/* Makes the folder `name` of a key "dir/", which has no bytes. *ret_again: as fault_of_place. */
static S3Fault make_folder(Upload *upload, int parent_fd, const char *name, bool *ret_again)
{
    struct stat st;
    const bool is_there = fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

    if (is_there && !S_ISDIR(st.st_mode))
        return S3_KEY_CONFLICT;
    if (is_there && reserved_find(upload->bucket->reserved, st.st_dev, st.st_ino) != RESERVED_NOT)
        return S3_RESERVED;
    autofd old = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* A folder that the gateway has made for an object is no key. */
    const bool is_key = is_there && !(old >= 0 && bucket_made_folder(old));
    S3Fault fault = check_condition(upload, parent_fd, name, is_key ? &st : NULL);
    if (fault != S3_OK)
        return fault;
    if (!is_there && mkdirat(parent_fd, name, FOLDER_MODE) != 0 && errno != EEXIST)
        return fault_of_place(ret_again);
    autofd fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fault_of_place(ret_again);
    /* Now it is a key, which stays when the folder is empty. */
    return bucket_keep_folder(fd) ? S3_OK : s3_fault_from_errno(errno);
}

/* Renames the file to `name`. It may replace a file, but no folder, link or device. *ret_again: as
 * fault_of_place. */
static S3Fault rename_file(Upload *upload, int parent_fd, const char *name, bool *ret_again)
{
    const bool is_new_only = upload->condition.is_new_only;
    struct stat st;
    const bool is_there = fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

    if (!is_there && errno != ENOENT)
        return s3_fault_from_errno(errno);
    if (is_there && !S_ISREG(st.st_mode))
        return S3_KEY_CONFLICT;
    S3Fault fault = check_condition(upload, parent_fd, name, is_there ? &st : NULL);
    if (fault != S3_OK)
        return fault;
    if (renameat2(upload->folder_fd, upload->name, parent_fd, name,
                  is_new_only ? RENAME_NOREPLACE : 0) != 0)
        return errno == EEXIST && is_new_only ? S3_PRECONDITION_FAILED : fault_of_place(ret_again);
    upload->is_in_place = true;
    return S3_OK;
}

/* Writes the metadata. A file system without attributes keeps none, and the ETag shows that. */
static bool write_meta(Upload *upload)
{
    struct stat st;

    if (fstat(upload->fd, &st) != 0)
        return false;
    return meta_write(upload->fd, &upload->meta, &st) || errno == EOPNOTSUPP || errno == EPERM;
}

/* Checks that the multipart upload has neither been completed nor aborted. */
static S3Fault check_multipart(const Upload *upload)
{
    struct stat st;

    if (upload->multipart_fd < 0 ||
        fstatat(upload->multipart_fd, MULTIPART_ABOUT, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return S3_OK;
    return errno == ENOENT ? S3_NO_SUCH_UPLOAD : s3_fault_from_errno(errno);
}

/* Puts the object into place under the bucket's lock. *ret_again: as fault_of_place; *ret_made: the
 * number of folders that were made; *ret_fd: the object's folder. Owner: the caller closes. */
static S3Fault try_place(Upload *upload, const char *path, bool *ret_again, unsigned *ret_made,
                         int *ret_fd)
{
    const char *name;

    bucket_lock(upload->bucket);
    S3Fault fault = check_multipart(upload);
    if (fault != S3_OK) {
        bucket_unlock(upload->bucket);
        return fault;
    }
    *ret_fd = bucket_open_parent(upload->bucket, path, ret_made, &name);
    fault = *ret_fd < 0             ? fault_of_place(ret_again)
            : upload->key_is_folder ? make_folder(upload, *ret_fd, name, ret_again)
                                    : rename_file(upload, *ret_fd, name, ret_again);
    /* The multipart upload ends with the object: nothing completes or aborts it again. */
    if (fault == S3_OK && upload->multipart_fd >= 0)
        (void)unlinkat(upload->multipart_fd, MULTIPART_ABOUT, 0);
    if (fault != S3_OK && *ret_made > 0)
        bucket_prune(upload->bucket, path);
    bucket_unlock(upload->bucket);
    return fault;
}

static S3Fault put_into_place(Upload *upload)
{
    g_autofree char *path =
        g_strndup(upload->key, strlen(upload->key) - (upload->key_is_folder ? 1 : 0));
    S3Fault fault = S3_OK;
    bool again = true;

    for (int i = 0; again && i < PLACES_MAX; i++) {
        unsigned made = 0;
        autofd parent_fd = -1;
        again = false;
        fault = try_place(upload, path, &again, &made, &parent_fd);
        /* The folder of a key "dir/" may have lost its mark. */
        if (fault == S3_OK &&
            ((upload->key_is_folder && !bucket_sync_folder(upload->bucket, path)) ||
             fsync(parent_fd) != 0 || !bucket_sync_folders(upload->bucket, path, made)))
            fault = s3_fault_from_errno(errno);
    }
    return fault;
}

S3Fault upload_finish(Upload *upload)
{
    if (upload->errnum)
        return s3_fault_from_errno(upload->errnum);
    if (upload->key_is_folder) {
        /* The file is removed before the client gets the answer. */
        upload->is_in_place = unlinkat(upload->folder_fd, upload->name, 0) == 0;
        return upload->len > 0 ? S3_INVALID_ARGUMENT : put_into_place(upload);
    }
    if (!write_meta(upload))
        return errno == E2BIG ? S3_INVALID_ARGUMENT : s3_fault_from_errno(errno);
    return fsync(upload->fd) == 0 ? put_into_place(upload) : s3_fault_from_errno(errno);
}

void upload_sweep(const S3Bucket *bucket, int64_t now_us, int64_t age_us, const gint *is_stopped)
{
    int fd = bucket->uploads_fd < 0
                 ? -1
                 : openat(bucket->uploads_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        fd_clear(&fd);
        return;
    }
    for (const struct dirent *entry; !g_atomic_int_get(is_stopped) && (entry = readdir(dir));) {
        struct stat st;
        if (fstatat(bucket->uploads_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            st.st_mtim.tv_sec * CLOCK_US_PER_SEC >= now_us - age_us)
            continue;
        /* If a removal fails, the next sweep tries again. */
        if (S_ISREG(st.st_mode))
            (void)unlinkat(bucket->uploads_fd, entry->d_name, 0);
        else if (S_ISDIR(st.st_mode) && multipart_id_is_valid(entry->d_name))
            (void)multipart_remove(bucket, entry->d_name);
    }
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
}
