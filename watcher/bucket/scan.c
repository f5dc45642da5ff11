/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists folders in slices of a few milliseconds: those that an event names first, then those of a
 * scan of the whole tree. Reports each file that a scan meets, the beginning and the end of the
 * scan, and folders that cannot be read.
 */
#include "bucket/bucket_private.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Folder entries between two readings of the clock. */
#define ENTRIES_PER_CLOCK 64

void scan_push(Bucket *bucket, TreeNode *node, uint8_t due)
{
    Scan *scan = &bucket->scan;
    if (node->due != 0 && (due & DUE_EVENT) && !(node->due & DUE_EVENT)) {
        /* Moves the folder to the front of the queue. */
        g_queue_unlink(&scan->queue, &node->link);
        g_queue_push_head_link(&scan->queue, &node->link);
    } else if (node->due == 0 && (due & DUE_EVENT)) {
        g_queue_push_head_link(&scan->queue, &node->link);
    } else if (node->due == 0) {
        g_queue_push_tail_link(&scan->queue, &node->link);
    }
    node->due |= due;
    timer_set_earlier(scan->timer, 0);
}

void scan_push_new(Bucket *bucket, TreeNode *parent, const char *name)
{
    TreeNode *node = tree_child(&bucket->tree, parent, name);
    if (!node)
        node = tree_add(&bucket->tree, parent, name);
    node->listed = bucket->scan.listing;
    scan_push(bucket, node, DUE_EVENT);
}

static void stop_listing(Scan *scan)
{
    if (scan->dir)
        /* The folder was only read, so closing it cannot lose data. */
        (void)closedir(scan->dir);
    scan->dir = NULL;
    scan->node = NULL;
}

void scan_remove(Bucket *bucket, TreeNode *node)
{
    Scan *scan = &bucket->scan;
    if (node->due != 0)
        g_queue_unlink(&scan->queue, &node->link);
    node->due = 0;
    if (scan->node == node)
        stop_listing(scan);
}

void bucket_set_rescan(Bucket *bucket, int64_t rescan_us)
{
    bucket->rescan_us = rescan_us;
}

void bucket_rescan(Bucket *bucket)
{
    if (bucket_has_ended(bucket))
        return;
    bucket->scan.wanted = true;
    timer_set_earlier(bucket->scan.timer, 0);
}

void bucket_rescan_soon(Bucket *bucket)
{
    timer_set_earlier(bucket->scan.rescan, clock_monotonic_us() + RETRY_SCAN_US);
}

bool bucket_is_scanning(const Bucket *bucket)
{
    const Scan *scan = &bucket->scan;
    return !bucket_has_ended(bucket) &&
           (scan->running || scan->wanted || scan->node || scan->queue.head);
}

/* Handles a folder that cannot be listed. */
static void skip_folder(Bucket *bucket, TreeNode *node, const char *key, int errnum)
{
    if (beneath_is_gone(errnum)) {
        /*
         * An event, or the listing of the folder above, reports the removal; end_scan handles the
         * root.
         */
        if (node != bucket->tree.root)
            bucket_drop(bucket, node);
        return;
    }
    bool is_short = beneath_is_short(errnum);
    if (is_short) {
        bucket_rescan_soon(bucket);
        bucket->scan.was_short = true;
    }
    bool *warned = is_short ? &bucket->warned_of_shortage : &node->warned;
    if (*warned)
        return;
    *warned = true;
    g_autofree char *text = object_key_to_text(key, NULL);
    notices_add(bucket, NOTICE_UNREADABLE,
                g_strdup_printf("cannot read the folder '%s': %s", *text ? text : bucket->path,
                                g_strerror(errnum)));
}

/*
 * True if the folder is no place for uploads because of its content, not its name; the folder is
 * then dropped.
 */
static bool hide_folder(Bucket *bucket, TreeNode *node, const char *key, int folder_fd)
{
    if (!bucket->reserve || !bucket->reserve(folder_fd, key, bucket->data) ||
        node == bucket->tree.root)
        return false;
    bucket_drop(bucket, node);
    bucket_report_key(bucket, BUCKET_TREE_HIDDEN, key);
    return true;
}

/*
 * Watches the folder first and lists it afterwards, so that a file that comes in between is seen
 * twice rather than never.
 */
static void start_listing(Bucket *bucket, TreeNode *node, uint8_t due)
{
    Scan *scan = &bucket->scan;
    TreePath key;
    if (!tree_path(node, "", key)) {
        bucket_drop(bucket, node);
        return;
    }
    autofd fd = -1;
    int errnum = beneath_open(bucket->fd, key, O_RDONLY | O_DIRECTORY, &fd);
    if (errnum != 0) {
        skip_folder(bucket, node, key, errnum);
        return;
    }
    if (hide_folder(bucket, node, key, fd))
        return;
    bool is_watched = notify_watch(bucket, node, fd);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        skip_folder(bucket, node, key, errno);
        return;
    }
    /* The DIR owns the descriptor now. */
    (void)fd_steal(&fd);
    scan->dir = dir;
    scan->node = node;
    scan->due = due;
    scan->listing++;
    node->warned = false;
    if (is_watched)
        return;
    scan->n_unwatched++;
    /* While a scan runs, its end sets the timer. */
    if (!scan->running)
        timer_set_earlier(scan->rescan, clock_monotonic_us() + FALLBACK_SCAN_US);
}

/* Starts the next folder of the queue; false if there is none. */
static bool next_folder(Bucket *bucket)
{
    Scan *scan = &bucket->scan;
    while (!scan->node) {
        GList *link = g_queue_pop_head_link(&scan->queue);
        if (!link)
            return false;
        TreeNode *node = link->data;
        uint8_t due = node->due;
        node->due = 0;
        /* A detached folder is listed once it is attached again. */
        if (tree_is_attached(&bucket->tree, node))
            start_listing(bucket, node, due);
    }
    return true;
}

static void found_folder(Bucket *bucket, const char *name, const char *key)
{
    Scan *scan = &bucket->scan;
    if (bucket_hides(bucket, name, key, true))
        return;
    TreeNode *node = tree_child(&bucket->tree, scan->node, name);
    if (!node)
        node = tree_add(&bucket->tree, scan->node, name);
    node->listed = scan->listing;
    scan_push(bucket, node, scan->due);
}

/* Reports a file that the scan has found, unless it is hidden or still being written. */
static void found_file(Bucket *bucket, const char *name, const char *key, const struct stat *st,
                       int64_t now_ns)
{
    Scan *scan = &bucket->scan;
    struct stat probed;
    const struct stat *seen = st;

    if (bucket_hides(bucket, name, key, false))
        return;
    /* A probe costs more than the rest of the work, so only recently changed files are probed. */
    int64_t changed_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
    if (changed_ns > now_ns - RECENT_NS) {
        probed = *st;
        BeneathState state = beneath_probe_file(bucket->fd, key, &probed);
        if (state == BENEATH_BUSY)
            settle_push(bucket, key);
        if (state == BENEATH_BUSY || state == BENEATH_GONE)
            return;
        seen = &probed;
    }
    scan->n_objects += (scan->due & DUE_SCAN) != 0;
    bucket_report_object(bucket, key, seen, !(scan->due & DUE_EVENT));
}

/*
 * Drops known folders that the listing did not find; an event has reported or will report their
 * removal. Events are read first, so that folders that were only renamed are recognised.
 */
static void drop_missing(Bucket *bucket)
{
    Scan *scan = &bucket->scan;
    TreeNode *folder = scan->node;
    bool is_read = false;
    TreeNode *node = folder->first_child;

    while (node) {
        TreePath key;
        struct stat st;
        TreeNode *next = node->next;
        if (node->listed == scan->listing) {
            node = next;
            continue;
        }
        if (!is_read) {
            is_read = true;
            (void)notify_read(bucket, INT64_MAX);
            if (bucket_has_ended(bucket) || scan->node != folder)
                return;
            /* The list of children may have changed, so the loop starts again. */
            node = folder->first_child;
            continue;
        }
        if (tree_path(node, "", key) && beneath_is_gone(beneath_stat(bucket->fd, key, &st))) {
            bucket_drop(bucket, node);
            bucket_report_key(bucket, BUCKET_TREE_REMOVED, key);
        }
        node = next;
    }
}

/* Ends the listing of a folder: removes what was not found, unless the folder could not be read. */
static void end_listing(Bucket *bucket, int errnum)
{
    Scan *scan = &bucket->scan;
    TreePath key;
    if (errnum == 0)
        drop_missing(bucket);
    else if (tree_path(scan->node, "", key))
        skip_folder(bucket, scan->node, key, errnum);
    stop_listing(scan);
}

/* Reads some entries of the folder. `key` holds its path, `prefix_len` bytes with the '/'. */
static void list_entries(Bucket *bucket, TreePath key, size_t prefix_len, int64_t now_ns)
{
    Scan *scan = &bucket->scan;
    for (int i = 0; i < ENTRIES_PER_CLOCK && !bucket_has_ended(bucket); i++) {
        errno = 0;
        const struct dirent *entry = readdir(scan->dir);
        if (!entry) {
            end_listing(bucket, errno);
            return;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        size_t len = strlen(name);
        if (prefix_len + len > OBJECT_KEY_MAX) {
            notices_add_long_path(bucket, scan->node, name);
            continue;
        }
        memcpy(key + prefix_len, name, len + 1);
        struct stat st = {.st_mode = DTTOIF(entry->d_type)};
        if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN) {
            if (fstatat(dirfd(scan->dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                /* The file was removed meanwhile. */
                continue;
        }
        if (S_ISDIR(st.st_mode))
            found_folder(bucket, name, key);
        else if (S_ISREG(st.st_mode))
            found_file(bucket, name, key, &st, now_ns);
    }
}

/* Begins a scan of the whole bucket, unless its folder is gone. */
static void start_scan(Bucket *bucket)
{
    Scan *scan = &bucket->scan;
    if (!presence_check(bucket))
        return;
    /* The scan itself reports the changes. */
    (void)mounts_refresh(bucket);
    scan->wanted = false;
    scan->running = true;
    scan->n_objects = 0;
    scan->n_unwatched = 0;
    notify_read_limit(bucket);
    scan->was_short = false;
    bucket_report(bucket, &(BucketEvent){.type = BUCKET_SCAN_BEGIN});
    scan_push(bucket, bucket->tree.root, DUE_SCAN);
}

static void arm_rescan(Bucket *bucket)
{
    Scan *scan = &bucket->scan;
    int64_t interval_us = bucket->rescan_us;
    if (scan->n_unwatched > 0 && (interval_us <= 0 || interval_us > FALLBACK_SCAN_US))
        interval_us = FALLBACK_SCAN_US;
    if (interval_us > 0)
        timer_set_earlier(scan->rescan, clock_monotonic_us() + interval_us);
}

static void end_scan(Bucket *bucket)
{
    Scan *scan = &bucket->scan;
    if (!presence_check(bucket))
        return;
    scan->running = false;
    if (scan->n_unwatched == 0)
        bucket->warned_of_limit = false;
    notices_print(bucket);
    if (!scan->was_short)
        bucket->warned_of_shortage = false;
    bucket_report(bucket, &(BucketEvent){.type = BUCKET_SCAN_END, .n_objects = scan->n_objects});
    arm_rescan(bucket);
}

/* Lists folders until none is due or the slice is over; true if none is due. */
static bool list_for_a_slice(Bucket *bucket)
{
    Scan *scan = &bucket->scan;
    int64_t until_us = clock_monotonic_us() + SLICE_US;
    int64_t now_ns = clock_wall_us() * 1000;
    TreePath key;

    do {
        if (scan->node && !tree_is_attached(&bucket->tree, scan->node))
            /* A detached folder is listed anew once it is attached again. */
            stop_listing(scan);
        if (!next_folder(bucket))
            return true;
        if (!tree_path(scan->node, "", key)) {
            stop_listing(scan);
            continue;
        }
        size_t len = strlen(key);
        if (len > 0)
            key[len++] = '/';
        list_entries(bucket, key, len, now_ns);
    } while (clock_monotonic_us() < until_us && !bucket_has_ended(bucket));
    return false;
}

/* Goes on with the scan for a slice of time, and ends it once all folders are listed. */
static void scan_due(void *data)
{
    Bucket *bucket = data;
    Scan *scan = &bucket->scan;
    bucket_enter(bucket);
    if (scan->wanted && !scan->running)
        start_scan(bucket);
    bool is_done = list_for_a_slice(bucket);
    /* Events that the kernel has queued until now belong to the scan. */
    if (is_done && scan->running)
        is_done =
            notify_read(bucket, clock_monotonic_us() + SLICE_US) && g_queue_is_empty(&scan->queue);
    if (is_done && scan->running && !moves_has_folder(bucket))
        end_scan(bucket);
    if (!bucket_has_ended(bucket)) {
        if (is_done && scan->running)
            timer_set(scan->timer, clock_monotonic_us() + bucket->move_window_us);
        else if (!is_done || scan->wanted)
            timer_set(scan->timer, 0);
    }
    bucket_leave(bucket);
}

static void rescan_due(void *data)
{
    bucket_rescan(data);
}

void scan_init(Bucket *bucket)
{
    g_queue_init(&bucket->scan.queue);
    bucket->scan.timer = timer_new(PRIORITY_SCAN, scan_due, bucket);
    bucket->scan.rescan = timer_new(PRIORITY_TIMERS, rescan_due, bucket);
}

void scan_clear(Bucket *bucket)
{
    stop_listing(&bucket->scan);
    timer_free(bucket->scan.timer);
    timer_free(bucket->scan.rescan);
}
