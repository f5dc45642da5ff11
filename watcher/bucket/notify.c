/* SPDX-License-Identifier: Apache-2.0 */
/* Reads inotify and decides what each event means. */
#include "bucket/bucket_private.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

/*
 * CLOSE_WRITE and MOVED_TO announce complete files. CREATE alone comes from link(2) and O_TMPFILE,
 * MODIFY alone from truncate(2), ATTRIB alone from chmod(2), which may make a file readable: after
 * these the file is probed once it is quiet. A big write causes many MODIFY events, but the kernel
 * merges equal neighbours, and each costs one look-up here.
 */
#define WATCH_MASK                                                                                 \
    (IN_CLOSE_WRITE | IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |            \
     IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_EXCL_UNLINK | IN_ONLYDIR)
#define PARENT_MASK                                                                                \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |         \
     IN_ONLYDIR)

#define LIMIT_PATH "/proc/sys/fs/inotify/max_user_watches"

void notify_read_limit(Bucket *bucket)
{
    g_autofree char *text = bucket->watch ? file_read(LIMIT_PATH, 64, NULL, NULL) : NULL;
    bucket->watches_limit = text ? g_ascii_strtoll(text, NULL, 10) : 0;
    bucket->watches_max = bucket->watches_wanted > 0 ? bucket->watches_wanted
                                                     : bucket->watches_limit / BUCKET_WATCHES_SHARE;
}

/*
 * True if the bucket has used its share of the watches. An uploader who makes folders must not use
 * up watches that other programs of the same user need.
 */
static bool has_used_its_share(const Bucket *bucket)
{
    return bucket->watches_max > 0 &&
           (int64_t)g_hash_table_size(bucket->tree.by_watch) >= bucket->watches_max;
}

/*
 * Warns once that a folder cannot be watched. 0 for `errnum`: thumbq watches as many folders as it
 * may.
 */
static void warn_unwatched(Bucket *bucket, int errnum)
{
    if (bucket->warned_of_limit)
        return;
    bucket->warned_of_limit = true;
    if (errnum == 0) {
        bucket_warn(
            bucket,
            "%" G_GINT64_FORMAT " folders are watched, of the %" G_GINT64_FORMAT
            " that the machine lets a user watch: the others are only rescanned every %d s; "
            "raise the sysctl fs.inotify.max_user_watches",
            (gint64)bucket->watches_max, (gint64)bucket->watches_limit,
            (int)(FALLBACK_SCAN_US / 1000000));
        return;
    }
    if (errnum == ENOSPC)
        bucket_warn(bucket,
                    "no more watches after %u folders: the others are only rescanned every %d s; "
                    "raise the sysctl fs.inotify.max_user_watches",
                    g_hash_table_size(bucket->tree.by_watch), (int)(FALLBACK_SCAN_US / 1000000));
    else
        bucket_warn(bucket, "cannot watch a folder, it is only rescanned every %d s: %s",
                    (int)(FALLBACK_SCAN_US / 1000000), g_strerror(errnum));
}

bool notify_watch(Bucket *bucket, TreeNode *node, int dir_fd)
{
    if (!bucket->watch)
        return true;
    if (node->wd == TREE_NO_WATCH && bucket->inotify_fd >= 0 && has_used_its_share(bucket)) {
        warn_unwatched(bucket, 0);
        return false;
    }
    /*
     * By descriptor: the watch belongs to the folder that is listed, even if its name has changed
     * meanwhile.
     */
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", dir_fd);
    int wd = bucket->inotify_fd < 0 ? -1 : inotify_add_watch(bucket->inotify_fd, path, WATCH_MASK);
    if (wd < 0) {
        if (bucket->inotify_fd >= 0)
            warn_unwatched(bucket, errno);
        return false;
    }
    if (wd == node->wd)
        return true;
    notify_unwatch(bucket, node);
    tree_set_watch(&bucket->tree, node, wd);
    return true;
}

void notify_unwatch(Bucket *bucket, TreeNode *node)
{
    int wd = tree_remove_watch(&bucket->tree, node);
    if (wd != TREE_NO_WATCH && bucket->inotify_fd >= 0)
        /* This fails for a folder that was deleted, which is fine. */
        (void)inotify_rm_watch(bucket->inotify_fd, wd);
}

/*
 * Handles an event about a file: reports it, pairs it with the other half of a rename, or waits
 * until the file is quiet.
 */
static void on_file(Bucket *bucket, TreeNode *parent, uint32_t mask, uint32_t cookie,
                    const char *name, const char *key)
{
    struct stat st;

    if (mask & IN_CLOSE_WRITE) {
        settle_remove(bucket, key);
        if (bucket_stat(bucket, key, &st) == 0 && S_ISREG(st.st_mode))
            bucket_report_object(bucket, key, &st, false);
    } else if (mask & IN_MOVED_FROM) {
        settle_remove(bucket, key);
        moves_from(bucket, cookie, parent, name, key, false);
    } else if (mask & IN_MOVED_TO) {
        settle_remove(bucket, key);
        moves_to(bucket, cookie, parent, name, key, false);
    } else if (mask & IN_DELETE) {
        settle_remove(bucket, key);
        int errnum = bucket_stat(bucket, key, &st);
        bool there = errnum == 0 && S_ISREG(st.st_mode);
        /* If the path exists again, its own events report it. */
        if (!there && !beneath_is_short(errnum))
            bucket_report_key(bucket, BUCKET_REMOVED, key);
    } else if (mask & (IN_CREATE | IN_MODIFY | IN_ATTRIB)) {
        settle_push(bucket, key);
    }
}

/* Handles an event of the kernel about a folder. */
static void on_folder(Bucket *bucket, TreeNode *parent, uint32_t mask, uint32_t cookie,
                      const char *name, const char *key)
{
    TreeNode *node = tree_child(&bucket->tree, parent, name);

    if (mask & IN_CREATE) {
        scan_push_new(bucket, parent, name);
    } else if (mask & IN_MOVED_FROM) {
        moves_from(bucket, cookie, parent, name, key, true);
    } else if (mask & IN_MOVED_TO) {
        moves_to(bucket, cookie, parent, name, key, true);
    } else if (mask & IN_DELETE) {
        if (node)
            bucket_drop(bucket, node);
        bucket_report_key(bucket, BUCKET_TREE_REMOVED, key);
    } else if ((mask & IN_ATTRIB) && node) {
        /* The folder may have become readable, or readable for others. */
        scan_push(bucket, node, DUE_EVENT);
    }
}

/* Handles events of a watched folder itself. */
static void on_self(Bucket *bucket, TreeNode *node, uint32_t mask)
{
    if (mask & (IN_IGNORED | IN_UNMOUNT))
        /* The kernel has removed the watch already. */
        (void)tree_remove_watch(&bucket->tree, node);
    if (mask & IN_UNMOUNT)
        bucket_rescan(bucket);
    if (node == bucket->tree.root)
        (void)presence_check(bucket);
}

static void on_overflow(Bucket *bucket)
{
    /* The rescan checks every watch, and the root. */
    bucket_rescan(bucket);
    (void)presence_check(bucket);
}

void notify_dispatch(Bucket *bucket, int wd, uint32_t mask, uint32_t cookie, const char *name)
{
    if (mask & IN_Q_OVERFLOW) {
        on_overflow(bucket);
        return;
    }
    if (wd == bucket->parent_wd) {
        if (!name || strcmp(name, bucket->name) == 0)
            (void)presence_check(bucket);
        return;
    }
    TreeNode *node = tree_by_watch(&bucket->tree, wd);
    if (!node)
        return;
    if (!name) {
        on_self(bucket, node, mask);
        return;
    }
    TreePath key;
    /* A detached folder is listed as a whole once it is attached again. */
    if (!tree_is_attached(&bucket->tree, node))
        return;
    if (!tree_path(node, name, key)) {
        notices_add_long_path(bucket, node, name);
        return;
    }
    bool is_folder = (mask & IN_ISDIR) != 0;
    if (bucket_hides(bucket, name, key, is_folder)) {
        if (mask & IN_MOVED_TO)
            moves_to_hidden(bucket, cookie);
        return;
    }
    moves_settle(bucket, key);
    if (is_folder)
        on_folder(bucket, node, mask, cookie, name, key);
    else
        on_file(bucket, node, mask, cookie, name, key);
}

bool notify_read(Bucket *bucket, int64_t until_us)
{
    alignas(struct inotify_event) char buffer[64 * 1024];

    while (bucket->inotify_fd >= 0) {
        ssize_t n = read(bucket->inotify_fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        for (ssize_t at = 0; at < n && !bucket_has_ended(bucket);) {
            const struct inotify_event *event = (const void *)(buffer + at);
            notify_dispatch(bucket, event->wd, event->mask, event->cookie,
                            event->len > 0 ? event->name : NULL);
            at += (ssize_t)(sizeof *event + event->len);
        }
        if (clock_monotonic_us() >= until_us)
            return false;
    }
    return true;
}

static gboolean on_readable(gint unused_fd, GIOCondition unused_condition, gpointer data)
{
    Bucket *bucket = data;
    (void)unused_fd;
    (void)unused_condition;
    bucket_enter(bucket);
    (void)notify_read(bucket,
                      /* The next dispatch reads the rest. */
                      clock_monotonic_us() + SLICE_US);
    bucket_leave(bucket);
    return G_SOURCE_CONTINUE;
}

/*
 * Watches the folder that contains the bucket. The bucket's own watch does not report that the
 * bucket is deleted or renamed while this process has it open. If the containing folder cannot be
 * watched, the rescans notice.
 */
static void watch_parent(Bucket *bucket)
{
    char self[32];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", bucket->fd);
    g_autofree char *path = g_file_read_link(self, NULL);
    if (!path || strcmp(path, "/") == 0)
        return;
    g_autofree char *parent = g_path_get_dirname(path);
    bucket->name = g_path_get_basename(path);
    bucket->parent_wd = inotify_add_watch(bucket->inotify_fd, parent, PARENT_MASK);
}

void notify_open(Bucket *bucket)
{
    bucket->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (bucket->inotify_fd < 0) {
        bucket_warn(bucket,
                    "cannot watch '%s', it is only rescanned every %d s: %s; raise the sysctl "
                    "fs.inotify.max_user_instances",
                    bucket->path, (int)(FALLBACK_SCAN_US / 1000000), g_strerror(errno));
        return;
    }
    watch_parent(bucket);
    bucket->notify = g_unix_fd_source_new(bucket->inotify_fd, G_IO_IN);
    g_source_set_priority(bucket->notify, PRIORITY_NOTIFY);
    g_source_set_callback(bucket->notify, G_SOURCE_FUNC(on_readable), bucket, NULL);
    g_source_attach(bucket->notify, NULL);
}

void notify_close(Bucket *bucket)
{
    if (bucket->notify) {
        g_source_destroy(bucket->notify);
        g_source_unref(bucket->notify);
    }
    bucket->notify = NULL;
    fd_clear(&bucket->inotify_fd);
    g_clear_pointer(&bucket->name, g_free);
}
