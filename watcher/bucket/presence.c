/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that the path still leads to the folder that was opened: by statx, and by a poll on
 * the mount table.
 */
#include "bucket/bucket_private.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>

/* Reads which folder and which mount a descriptor or path leads to. */
static bool identify(int dir_fd, const char *path, struct statx *ret_stx)
{
    return statx(dir_fd, path, AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID,
                 ret_stx) == 0;
}

bool bucket_is_present(const Bucket *bucket)
{
    struct statx now;
    const struct statx *then = &bucket->identity;
    if (!identify(AT_FDCWD, bucket->path, &now))
        return false;
    return now.stx_dev_major == then->stx_dev_major && now.stx_dev_minor == then->stx_dev_minor &&
           now.stx_ino == then->stx_ino &&
           ((now.stx_mask & then->stx_mask & STATX_MNT_ID) == 0 ||
            now.stx_mnt_id == then->stx_mnt_id);
}

bool presence_check(Bucket *bucket)
{
    if (bucket_has_ended(bucket))
        return false;
    if (bucket_is_present(bucket))
        return true;
    bucket_report(bucket, &(BucketEvent){.type = BUCKET_LOST});
    bucket->lost = true;
    return false;
}

/* Called when the machine's mounts have changed: checks the bucket for changes by that. */
static gboolean on_mounts(gint unused_fd, GIOCondition unused_condition, gpointer data)
{
    Bucket *bucket = data;
    (void)unused_fd;
    (void)unused_condition;
    bucket_enter(bucket);
    /* A mount makes files appear or disappear without any event. */
    if (presence_check(bucket) && mounts_refresh(bucket)) {
        bucket_report(bucket, &(BucketEvent){.type = BUCKET_MOUNTS});
        bucket_rescan(bucket);
    }
    bucket_leave(bucket);
    return G_SOURCE_CONTINUE;
}

void presence_open(Bucket *bucket)
{
    /* If this fails, the identity stays zero and the bucket counts as absent. */
    (void)identify(bucket->fd, "", &bucket->identity);

    /* The first reading has nothing to compare with. */
    (void)mounts_refresh(bucket);

    /* Without /proc the scans still check the mounts. */
    bucket->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (bucket->mounts_fd < 0)
        return;
    bucket->mounts = g_unix_fd_source_new(bucket->mounts_fd, G_IO_PRI | G_IO_ERR);
    g_source_set_priority(bucket->mounts, PRIORITY_NOTIFY);
    g_source_set_callback(bucket->mounts, G_SOURCE_FUNC(on_mounts), bucket, NULL);
    g_source_attach(bucket->mounts, NULL);
}

void presence_close(Bucket *bucket)
{
    if (bucket->mounts) {
        g_source_destroy(bucket->mounts);
        g_source_unref(bucket->mounts);
    }
    bucket->mounts = NULL;
    fd_clear(&bucket->mounts_fd);
    g_clear_pointer(&bucket->mounts_list, g_array_unref);
}
