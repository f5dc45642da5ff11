/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/buckets.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Age of the list of reserved folders at which it is read again. */
#define RESERVED_AGE_US CLOCK_US_PER_SEC

struct Buckets {
    /* The folder of --root; NULL and -1: there is none. */
    char *root;
    int root_fd;
    /* Name -> S3Bucket with a reference: the open buckets. */
    GHashTable *by_name;
    /* Name -> path of the buckets that are not in the root. */
    GHashTable *named;
    Reserved *reserved;
    /* Time at which `reserved` was read, monotonic clock; 0: it has to be read. */
    int64_t reserved_us;
    /* Elements: int, borrowed. Folders that no client can reach. */
    GArray *private_fds;
};

static int open_root(const char *root)
{
    return open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Opens the bucket at `path`, and puts it into the table. NULL on error. Borrowed. */
static S3Bucket *open_named(Buckets *buckets, int dir_fd, const char *path, const char *name,
                            GError **error)
{
    S3Bucket *bucket = bucket_open(dir_fd, path, name, buckets->reserved, error);

    if (!bucket)
        return NULL;
    bucket->is_named = dir_fd == AT_FDCWD;
    g_hash_table_replace(buckets->by_name, bucket->name, bucket);
    buckets->reserved_us = 0;
    return bucket;
}

bool buckets_add(Buckets *buckets, const char *name, const char *path, GError **error)
{
    g_autofree char *whole = g_canonicalize_filename(path, NULL);

    if (!bucket_name_is_legal(name)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s' is no legal name of a bucket: 3 to 63 of a-z 0-9 . -", name);
        return false;
    }
    if (g_hash_table_contains(buckets->by_name, name) ||
        g_hash_table_contains(buckets->named, name)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "two buckets are called '%s'", name);
        return false;
    }
    if (!open_named(buckets, AT_FDCWD, whole, name, error))
        return false;
    g_hash_table_insert(buckets->named, g_strdup(name), g_steal_pointer(&whole));
    return true;
}

/* Opens the folders of the root that are new. A folder that cannot be opened is left out. */
static void scan_root(Buckets *buckets)
{
    int fd = buckets->root_fd < 0
                 ? -1
                 : openat(buckets->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        fd_clear(&fd);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (bucket_name_is_legal(entry->d_name) &&
            !g_hash_table_contains(buckets->by_name, entry->d_name) &&
            !g_hash_table_contains(buckets->named, entry->d_name))
            (void)open_named(buckets, buckets->root_fd, entry->d_name, entry->d_name, NULL);
    }
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
}

static void unref_bucket(void *bucket)
{
    bucket_unref(bucket);
}

Buckets *buckets_open(const char *root, char *const *paths, GError **error)
{
    g_autoptr(Buckets) buckets = g_new0(Buckets, 1);

    buckets->root_fd = -1;
    buckets->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, unref_bucket);
    buckets->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    buckets->private_fds = g_array_new(FALSE, FALSE, sizeof(int));
    buckets->reserved = reserved_new();
    if (root) {
        buckets->root = g_canonicalize_filename(root, NULL);
        buckets->root_fd = open_root(buckets->root);
        if (buckets->root_fd < 0) {
            error_set_errno(error, errno, "cannot open", root);
            return NULL;
        }
        scan_root(buckets);
    }
    for (; paths && *paths; paths++) {
        g_autofree char *path = g_canonicalize_filename(*paths, NULL);
        g_autofree char *name = g_path_get_basename(path);
        if (!buckets_add(buckets, name, path, error))
            return NULL;
    }
    return g_steal_pointer(&buckets);
}

void buckets_free(Buckets *buckets)
{
    if (!buckets)
        return;
    g_hash_table_destroy(buckets->by_name);
    g_hash_table_destroy(buckets->named);
    g_array_unref(buckets->private_fds);
    reserved_unref(buckets->reserved);
    fd_clear(&buckets->root_fd);
    g_free(buckets->root);
    g_free(buckets);
}

void buckets_reserve(Buckets *buckets, int fd)
{
    g_array_append_val(buckets->private_fds, fd);
    buckets->reserved_us = 0;
}

/* Reads the list of reserved folders again if it is old: they may have been made, moved or removed
 * since. */
static void renew_reserved(Buckets *buckets, int64_t now_us)
{
    GHashTableIter iter;
    void *bucket;
    struct stat st;

    if (buckets->reserved_us && now_us - buckets->reserved_us < RESERVED_AGE_US)
        return;
    GHashTable *list = reserved_list_new();
    g_hash_table_iter_init(&iter, buckets->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &bucket))
        bucket_list_reserved(bucket, list);
    for (guint i = 0; i < buckets->private_fds->len; i++) {
        if (fstat(g_array_index(buckets->private_fds, int, i), &st) == 0)
            reserved_list_add(list, &st, RESERVED_PRIVATE);
    }
    reserved_replace(buckets->reserved, list);
    buckets->reserved_us = now_us;
}

/* Opens the root again if its path leads to another folder. */
static void renew_root(Buckets *buckets)
{
    struct stat st, now;

    if (!buckets->root || stat(buckets->root, &now) != 0 ||
        (buckets->root_fd >= 0 && fstat(buckets->root_fd, &st) == 0 && file_is_same(&st, &now)))
        return;
    int fd = open_root(buckets->root);
    if (fd < 0)
        return;
    fd_clear(&buckets->root_fd);
    buckets->root_fd = fd;
}

/* Opens a bucket that is not open, or whose folder is another one now. NULL with *ret_fault.
 * Borrowed. */
static S3Bucket *reopen(Buckets *buckets, const char *name, S3Fault *ret_fault)
{
    const char *path = g_hash_table_lookup(buckets->named, name);
    g_autoptr(GError) error = NULL;

    *ret_fault = S3_NO_SUCH_BUCKET;
    g_hash_table_remove(buckets->by_name, name);
    if (!path) {
        renew_root(buckets);
        if (buckets->root_fd < 0 || !bucket_name_is_legal(name))
            return NULL;
    }
    S3Bucket *bucket =
        open_named(buckets, path ? AT_FDCWD : buckets->root_fd, path ? path : name, name, &error);
    if (!bucket && error_code(error) == ERROR_SHORTAGE)
        *ret_fault = S3_SLOW_DOWN;
    return bucket;
}

/* True if the folder is state of thumbq, and no bucket for clients. */
static bool is_private(const Buckets *buckets, const S3Bucket *bucket)
{
    return reserved_find(buckets->reserved, bucket->st.st_dev, bucket->st.st_ino) ==
           RESERVED_PRIVATE;
}

S3Bucket *buckets_find(Buckets *buckets, const char *name, bool for_uploads, S3Fault *ret_fault)
{
    const int64_t now_us = clock_monotonic_us();
    S3Bucket *bucket = g_hash_table_lookup(buckets->by_name, name);

    bool is_there =
        bucket && bucket_is_there(bucket) && (!for_uploads || bucket_has_uploads(bucket, now_us));
    if (!is_there) {
        bucket = reopen(buckets, name, ret_fault);
        is_there = bucket && bucket_is_there(bucket);
    }
    if (!bucket)
        return NULL;
    renew_reserved(buckets, now_us);
    *ret_fault = S3_NO_SUCH_BUCKET;
    return is_there && !is_private(buckets, bucket) ? bucket_ref(bucket) : NULL;
}

int buckets_open_root(Buckets *buckets, const char *name, S3Fault *ret_fault)
{
    *ret_fault = S3_INVALID_BUCKET_NAME;
    if (!bucket_name_is_legal(name))
        return -1;
    *ret_fault = S3_BUCKET_AWAY;
    if (g_hash_table_contains(buckets->named, name))
        return -1;
    *ret_fault = S3_ACCESS_DENIED;
    renew_root(buckets);
    if (buckets->root_fd < 0)
        return -1;
    int fd = fcntl(buckets->root_fd, F_DUPFD_CLOEXEC, 0);
    *ret_fault = fd < 0 ? s3_fault_from_errno(errno) : S3_OK;
    return fd;
}

bool buckets_may_remove(Buckets *buckets, const S3Bucket *bucket)
{
    GHashTableIter iter;
    void *path;
    struct stat st;

    if (bucket->is_named ||
        reserved_find(buckets->reserved, bucket->st.st_dev, bucket->st.st_ino) != RESERVED_NOT)
        return false;
    g_hash_table_iter_init(&iter, buckets->named);
    while (g_hash_table_iter_next(&iter, NULL, &path)) {
        if (stat(path, &st) == 0 && file_is_same(&st, &bucket->st))
            return false;
    }
    return true;
}

void buckets_forget(Buckets *buckets, const S3Bucket *bucket)
{
    /* A request that came in between may have opened another folder under the name. */
    if (g_hash_table_lookup(buckets->by_name, bucket->name) == bucket)
        g_hash_table_remove(buckets->by_name, bucket->name);
}

static int compare_names(const void *a, const void *b)
{
    const S3Bucket *const *first = a, *const *second = b;

    return strcmp((*first)->name, (*second)->name);
}

/* Opens the buckets anew whose folders are other ones now. */
static void renew_all(Buckets *buckets)
{
    g_autoptr(GPtrArray) stale = g_ptr_array_new_with_free_func(g_free);
    const int64_t now_us = clock_monotonic_us();
    GHashTableIter iter;
    void *row;
    S3Fault fault;

    g_hash_table_iter_init(&iter, buckets->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &row)) {
        const S3Bucket *bucket = row;
        if (!bucket_is_there(bucket) || !bucket_has_uploads(bucket, now_us))
            g_ptr_array_add(stale, g_strdup(bucket->name));
    }
    for (guint i = 0; i < stale->len; i++)
        /* A bucket that is gone is left out of the list. */
        (void)reopen(buckets, stale->pdata[i], &fault);
}

GPtrArray *buckets_list(Buckets *buckets)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(unref_bucket);
    GHashTableIter iter;
    void *bucket;

    renew_root(buckets);
    renew_all(buckets);
    scan_root(buckets);
    renew_reserved(buckets, clock_monotonic_us());
    g_hash_table_iter_init(&iter, buckets->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &bucket)) {
        if (bucket_is_there(bucket) && !is_private(buckets, bucket))
            g_ptr_array_add(list, bucket_ref(bucket));
    }
    g_ptr_array_sort(list, compare_names);
    return list;
}

const char *buckets_find_missing(const Buckets *buckets)
{
    GHashTableIter iter;
    void *name, *path;

    g_hash_table_iter_init(&iter, buckets->named);
    while (g_hash_table_iter_next(&iter, &name, &path)) {
        const S3Bucket *bucket = g_hash_table_lookup(buckets->by_name, name);
        if (bucket ? !bucket_is_there(bucket) : !g_file_test(path, G_FILE_TEST_IS_DIR))
            return name;
    }
    return NULL;
}
