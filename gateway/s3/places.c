/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a bucket: opens them from the bucket's descriptor downward, one component at a
 * time, so that each folder on the path is compared with the reserved ones; makes and removes
 * those of objects. */
#include "base/file.h"
#include "s3/s3_bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FOLDER_MODE 0775
#define MARK_VALUE  "1"

/* A path on the way down. */
typedef struct {
    const S3Bucket *bucket;
    /* The open folder; the bucket's own descriptor at first. */
    int fd;
    /* Folders of this kind and of worse ones may not be entered. */
    ReservedKind forbidden;
    /* Number of folders that were made; NULL: none is made. */
    unsigned *made;
    /* State of the component that was opened last. */
    struct stat st;
} Descent;

static int open_component(int dir_fd, const char *name, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    int fd;

    if (flags & O_PATH)
        how.flags &= ~(uint64_t)(O_NONBLOCK | O_NOCTTY);
    do
        fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof how);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static bool is_forbidden(const Descent *descent, const struct stat *st)
{
    return reserved_find(descent->bucket->reserved, st->st_dev, st->st_ino) >= descent->forbidden;
}

/* True if the new folder `name` has, under the rules of this file system, a reserved name: one that
 * ignores the case or more. */
static bool is_reserved_here(int dir_fd, const char *name)
{
    static const char *const names[] = {".thumbq", ".thumbq-gateway", S3_UPLOADS_FOLDER};
    struct stat st, other;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (fstatat(dir_fd, names[i], &other, AT_SYMLINK_NOFOLLOW) == 0 &&
            file_is_same(&st, &other))
            return true;
    }
    return false;
}

bool bucket_made_folder(int fd)
{
    return fgetxattr(fd, BUCKET_FOLDER_MARK, NULL, 0) >= 0;
}

bool bucket_keep_folder(int fd)
{
    return fremovexattr(fd, BUCKET_FOLDER_MARK) == 0 || errno == ENODATA || errno == EOPNOTSUPP;
}

/* Makes a folder and marks it, as it goes with its last object. If the gateway is killed between,
 * the folder stays: nothing tells it from a folder of another program. An error is in errno. */
static bool make_folder(Descent *descent, const char *name)
{
    if (mkdirat(descent->fd, name, FOLDER_MODE) != 0)
        return errno == EEXIST;
    autofd fd = open_component(descent->fd, name, O_RDONLY | O_DIRECTORY);
    /* Without attributes, the folder stays when it is empty. */
    if (fd >= 0)
        (void)fsetxattr(fd, BUCKET_FOLDER_MARK, MARK_VALUE, strlen(MARK_VALUE), 0);
    if (is_reserved_here(descent->fd, name)) {
        /* If another program has put a file into it, it stays. */
        (void)unlinkat(descent->fd, name, AT_REMOVEDIR);
        errno = EACCES;
        return false;
    }
    ++*descent->made;
    return true;
}

/* Opens the next component. -1 with errno. Owner: the caller closes. */
static int open_next(Descent *descent, const char *name, int flags)
{
    autofd fd = open_component(descent->fd, name, flags);

    if (fd < 0 && errno == ENOENT && descent->made && make_folder(descent, name))
        fd = open_component(descent->fd, name, flags);
    if (fd < 0 || fstat(fd, &descent->st) != 0)
        return -1;
    if (S_ISDIR(descent->st.st_mode) && is_forbidden(descent, &descent->st)) {
        errno = EACCES;
        return -1;
    }
    return fd_steal(&fd);
}

/* Opens `path` below the bucket. -1 with errno. Owner: the caller closes. */
static int descend(Descent *descent, const char *path, int flags)
{
    autofd held = -1;

    descent->fd = descent->bucket->fd;
    if (is_forbidden(descent, &descent->bucket->st)) {
        errno = EACCES;
        return -1;
    }
    if (!*path)
        return open_component(descent->fd, ".", flags);
    for (const char *at = path;;) {
        size_t len = strcspn(at, "/");
        char name[S3_COMPONENT_MAX + 1];
        if (len >= sizeof name) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, at, len);
        name[len] = '\0';
        /* A path that ends in '/' is a folder. */
        bool is_last = !at[len] || !at[len + 1];
        int last = at[len] ? flags | O_DIRECTORY : flags;
        int fd = open_next(descent, name, is_last ? last : O_PATH | O_DIRECTORY);
        if (is_last || fd < 0)
            return fd;
        fd_clear(&held);
        held = descent->fd = fd;
        at += len + 1;
    }
}

int bucket_open_at(const S3Bucket *bucket, const char *path, int flags)
{
    Descent descent = {.bucket = bucket, .forbidden = RESERVED_PRIVATE};

    return descend(&descent, path, flags);
}

int bucket_open_below(const S3Bucket *bucket, int dir_fd, const char *name, ReservedKind forbidden)
{
    Descent descent = {.bucket = bucket, .fd = dir_fd, .forbidden = forbidden};

    return open_next(&descent, name, O_RDONLY | O_DIRECTORY);
}

int bucket_open_object(const S3Bucket *bucket, const char *key, struct stat *ret_st)
{
    Descent descent = {.bucket = bucket, .forbidden = RESERVED_PRIVATE};
    int fd = descend(&descent, key, O_RDONLY);

    if (fd >= 0)
        *ret_st = descent.st;
    return fd;
}

int bucket_open_parent(const S3Bucket *bucket, const char *key, unsigned *ret_made,
                       const char **ret_name)
{
    const char *slash = strrchr(key, '/');
    g_autofree char *folder = slash ? g_strndup(key, (size_t)(slash - key)) : g_strdup("");
    Descent descent = {.bucket = bucket, .forbidden = RESERVED_OUTPUT, .made = ret_made};

    if (ret_made)
        *ret_made = 0;
    *ret_name = slash ? slash + 1 : key;
    return descend(&descent, folder, O_RDONLY | O_DIRECTORY);
}

bool bucket_sync_folder(const S3Bucket *bucket, const char *path)
{
    autofd fd = bucket_open_at(bucket, path, O_RDONLY | O_DIRECTORY);

    return fd < 0 ? errno == ENOENT : fsync(fd) == 0;
}

bool bucket_sync_folders(const S3Bucket *bucket, const char *key, unsigned made)
{
    g_autofree char *path = g_strdup(key);

    for (; made > 0; made--) {
        /* The entry of the folder that holds the object, then those of the folders above. */
        char *slash = strrchr(path, '/');
        *slash = '\0';
        char *above = strrchr(path, '/');
        g_autofree char *folder = above ? g_strndup(path, (size_t)(above - path)) : g_strdup("");
        if (!bucket_sync_folder(bucket, folder))
            return false;
    }
    return true;
}

/* Removes the folder `path` if the gateway has made it for objects and it is empty. True if there
 * is no such folder now. */
static bool remove_folder(const S3Bucket *bucket, const char *path)
{
    const char *name;
    autofd parent_fd = bucket_open_parent(bucket, path, NULL, &name);
    autofd fd = parent_fd < 0 ? -1 : open_component(parent_fd, name, O_RDONLY | O_DIRECTORY);

    if (fd < 0)
        return errno == ENOENT;
    return bucket_made_folder(fd) && unlinkat(parent_fd, name, AT_REMOVEDIR) == 0;
}

void bucket_prune(const S3Bucket *bucket, const char *key)
{
    g_autofree char *path = g_strdup(key);

    for (char *slash; (slash = strrchr(path, '/'));) {
        *slash = '\0';
        /* A folder that stays is in all folders above. */
        if (!remove_folder(bucket, path))
            return;
    }
}
