/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket/bucket_private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Frees the bucket after the last of its callbacks has returned. */
static void bucket_unref(Bucket *bucket)
{
    if (--bucket->n_refs > 0)
        return;
    presence_close(bucket);
    notify_close(bucket);
    moves_clear(bucket);
    settle_clear(bucket);
    notices_clear(bucket);
    scan_clear(bucket);
    tree_clear(&bucket->tree);
    fd_clear(&bucket->fd);
    g_ptr_array_unref(bucket->warnings);
    g_strfreev(bucket->reserved);
    g_free(bucket->path);
    g_free(bucket);
}

static void report_pending_warnings(Bucket *bucket)
{
    g_autoptr(GPtrArray) warnings = bucket->warnings;
    bucket->warnings = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < warnings->len; i++)
        bucket_warn(bucket, "%s", (char *)g_ptr_array_index(warnings, i));
}

void bucket_enter(Bucket *bucket)
{
    bucket->n_refs++;
    bucket->reporting = true;
    if (bucket->warnings->len > 0)
        report_pending_warnings(bucket);
}

void bucket_leave(Bucket *bucket)
{
    bucket->reporting = false;
    bucket_unref(bucket);
}

bool bucket_has_ended(const Bucket *bucket)
{
    return bucket->closed || bucket->lost;
}

void bucket_report(Bucket *bucket, const BucketEvent *event)
{
    if (!bucket_has_ended(bucket))
        bucket->callback(event, bucket->data);
}

void bucket_report_key(Bucket *bucket, BucketEventType type, const char *key)
{
    bucket_report(bucket, &(BucketEvent){.type = type, .key = key});
}

void bucket_report_object(Bucket *bucket, const char *key, const struct stat *st, bool from_scan)
{
    BucketEvent event = {.type = BUCKET_OBJECT, .key = key, .from_scan = from_scan};
    object_version_from_stat(st, &event.version);
    bucket_report(bucket, &event);
}

void bucket_warn(Bucket *bucket, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);

    if (bucket->reporting)
        bucket_report(bucket, &(BucketEvent){.type = BUCKET_WARNING, .message = message});
    else
        g_ptr_array_add(bucket->warnings, g_steal_pointer(&message));
}

int bucket_stat(Bucket *bucket, const char *key, struct stat *ret_st)
{
    int errnum = beneath_stat(bucket->fd, key, ret_st);
    if (beneath_is_short(errnum))
        bucket_rescan_soon(bucket);
    return errnum;
}

BeneathState bucket_probe(Bucket *bucket, const char *key, struct stat *ret_st)
{
    BeneathState state = beneath_probe(bucket->fd, key, ret_st);
    if (state != BENEATH_SHORT)
        return state;
    bucket_rescan_soon(bucket);
    return BENEATH_GONE;
}

void bucket_report_file(Bucket *bucket, const char *key)
{
    struct stat st;
    switch (bucket_probe(bucket, key, &st)) {
    case BENEATH_SHORT:
    /* Another event reports the removal or the rename. */
    case BENEATH_GONE:
        settle_remove(bucket, key);
        break;
    case BENEATH_BUSY:
        settle_push(bucket, key);
        break;
    case BENEATH_WHOLE:
    case BENEATH_UNKNOWN:
        settle_remove(bucket, key);
        bucket_report_object(bucket, key, &st, false);
        break;
    }
}

bool bucket_hides(const Bucket *bucket, const char *name, const char *key, bool is_folder)
{
    if (is_folder && strcmp(name, BUCKET_UPLOADS_FOLDER) == 0)
        return true;
    if (is_folder && g_strv_contains((const char *const *)bucket->reserved, key))
        return true;
    return bucket->ignore && bucket->ignore(name, key, bucket->data);
}

/* Opens the bucket's folder, which must be readable. Returns -1 on error. */
static int open_root(const char *path, GError **error)
{
    autofd fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int errnum = fd < 0 ? errno : 0;
    if (errnum == 0) {
        autofd readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        errnum = readable < 0 ? errno : 0;
    }
    if (errnum == 0)
        return fd_steal(&fd);
    if (errnum == ENOTDIR)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "cannot open the bucket '%s': not a folder", path);
    else
        error_set_errno(error, errnum, "cannot open the bucket", path);
    return -1;
}

Bucket *bucket_open(const BucketOptions *options, BucketCallback callback, void *data,
                    GError **error)
{
    g_autofree char *path = g_canonicalize_filename(options->path, NULL);
    int fd = open_root(path, error);
    if (fd < 0)
        return NULL;

    static const char *const nothing[] = {NULL};
    Bucket *bucket = g_new(Bucket, 1);
    *bucket = (Bucket){
        .n_refs = 1,
        .path = g_steal_pointer(&path),
        .reserved = g_strdupv((char **)(options->reserved ? options->reserved : nothing)),
        .ignore = options->ignore,
        .reserve = options->reserve,
        .watch = options->watch,
        .watches_wanted = options->max_watches,
        .rescan_us = options->rescan_us,
        .move_window_us = options->move_window_us > 0 ? options->move_window_us : MOVE_WINDOW_US,
        .callback = callback,
        .data = data,
        .fd = fd,
        .inotify_fd = -1,
        .parent_wd = TREE_NO_WATCH,
        .mounts_fd = -1,
        .warnings = g_ptr_array_new_with_free_func(g_free),
    };
    tree_init(&bucket->tree);
    moves_init(bucket);
    settle_init(bucket);
    notices_init(bucket);
    scan_init(bucket);
    if (bucket->watch)
        notify_open(bucket);
    presence_open(bucket);
    if (beneath_is_remote(fd))
        bucket_warn(
            bucket,
            "'%s' is on a network file system: only rescans see the changes of other machines",
            bucket->path);
    if (!options->no_first_scan)
        bucket_rescan(bucket);
    return bucket;
}

void bucket_free(Bucket *bucket)
{
    if (!bucket)
        return;
    /* The callback may be the caller; the current dispatch then frees the bucket. */
    bucket->closed = true;
    bucket_unref(bucket);
}

int bucket_fd(const Bucket *bucket)
{
    return bucket->fd;
}

static void forget_node(TreeNode *node, void *data)
{
    Bucket *bucket = data;
    notify_unwatch(bucket, node);
    scan_remove(bucket, node);
}

void bucket_drop(Bucket *bucket, TreeNode *node)
{
    tree_drop(&bucket->tree, node, forget_node, bucket);
}
