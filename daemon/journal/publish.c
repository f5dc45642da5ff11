/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/publish.h"

#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "journal/folder.h"
#include "journal/hidden.h"
#include "journal/link.h"
#include "journal/named.h"
#include "journal/parent.h"
#include "journal/place.h"
#include "journal/prefix.h"
#include "model/layout.h"
#include "model/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct Publisher {
    /* Unchanged from the options. */
    char *bucket, *prefix;
    /* Path of the prefix folder. */
    char *path;
    MarkKey mark;
    /* The prefix folder; syncfs reports failures since it was opened. */
    int folder_fd;
    /* Of O_PATH; -1: there is none. */
    int bucket_fd;
    /* ACCESS_OF_SOURCE, or the mode of all thumbnails. */
    int mode;
    FolderTree folders;
    /* Rights of the thumbnails that are put now. */
    Access access;
    /* publisher_sync waits for the disk. */
    bool durable;
    /* A thumbnail could not be removed. */
    bool has_orphans;
    /* Number of files put or moved since the last publisher_sync. */
    size_t n_unsynced;
    /* The file system has no unnamed files. */
    bool has_no_unnamed;
    /* Hidden files, used in the place of unnamed ones. */
    Named *named;
};

/* Opens the prefix folder, or makes it. Returns -1 on error. */
static int open_prefix(const PublisherOptions *options, char **ret_path, GError **error)
{
    int fd = prefix_open(options, ret_path, error);

    if (fd >= 0 && !options->read_only) {
        hidden_warn_of_prefix(options, fd, *ret_path);
        named_clean(fd);
        place_claim(fd, options->mark);
    }
    return fd;
}

/* True if all users can pass the folders above the bucket. If not, thumbnails outside of the bucket
 * must not be reachable either. */
static bool is_reachable(const char *bucket)
{
    g_autofree char *folder = g_path_get_dirname(bucket);
    struct stat st;

    while (stat(folder, &st) == 0 && (st.st_mode & (S_IXGRP | S_IXOTH)) == (S_IXGRP | S_IXOTH)) {
        if (strcmp(folder, "/") == 0)
            return true;
        char *above = g_path_get_dirname(folder);
        g_free(folder);
        folder = above;
    }
    return false;
}

static void set_folder(Publisher *publisher, int fd)
{
    struct stat st;

    publisher->folder_fd = fd;
    publisher->folders.prefix_fd = fd;
    publisher->folders.prefix_uid = fstat(fd, &st) == 0 ? st.st_uid : geteuid();
}

Publisher *publisher_open(const PublisherOptions *options, GError **error)
{
    g_autofree char *path = NULL;
    int fd = open_prefix(options, &path, error);

    if (fd < 0)
        return NULL;
    Publisher *publisher = g_new0(Publisher, 1);
    publisher->bucket = g_strdup(options->bucket);
    publisher->prefix = g_strdup(options->prefix);
    publisher->path = g_steal_pointer(&path);
    publisher->named = named_new();
    publisher->durable = options->durable;
    publisher->bucket_fd = open(options->bucket, O_PATH | O_DIRECTORY | O_CLOEXEC);
    publisher->mode = options->mode;
    g_autofree char *place = layout_below_bucket(options->bucket, options->prefix);
    /* Applies until a source is set. */
    publisher->access = (Access){.setting = 0600, .mode = 0600};
    publisher->mark = *options->mark;
    folder_tree_init(&publisher->folders);
    publisher->folders.bucket_fd = publisher->bucket_fd;
    publisher->folders.mark = &publisher->mark;
    publisher->folders.mode = options->mode;
    publisher->folders.is_reachable = place[0] != '/' || is_reachable(options->bucket);
    set_folder(publisher, fd);
    return publisher;
}

bool publisher_is_in_place(const Publisher *publisher)
{
    struct stat named, held;

    if (lstat(publisher->path, &named) != 0)
        return errno != ENOENT && errno != ENOTDIR;
    return fstat(publisher->folder_fd, &held) == 0 && file_is_same(&named, &held);
}

bool publisher_reopen(Publisher *publisher, GError **error)
{
    const PublisherOptions options = {
        .bucket = publisher->bucket, .prefix = publisher->prefix, .mark = &publisher->mark};
    g_autofree char *path = NULL;
    g_autoptr(GError) reason = NULL;
    int fd = open_prefix(&options, &path, &reason);

    if (fd < 0) {
        /* The link or folder that another program has put there may be removed again. */
        ErrorCode code = error_code(reason);
        if (code == ERROR_CONFIG || code == ERROR_NOT_TRUSTED)
            code = ERROR_IO;
        g_set_error_literal(error, THUMBQ_ERROR, (gint)code, reason->message);
        return false;
    }
    named_discard_all(publisher->named, publisher->folder_fd);
    fd_clear(&publisher->folder_fd);
    set_folder(publisher, fd);
    publisher->has_no_unnamed = false;
    publisher->n_unsynced = 0;
    return true;
}

const char *publisher_path(const Publisher *publisher)
{
    return publisher->path;
}

int publisher_folder_fd(const Publisher *publisher)
{
    return publisher->folder_fd;
}

void publisher_set_mark(Publisher *publisher, const MarkKey *mark)
{
    publisher->mark = *mark;
}

const MarkKey *publisher_mark(const Publisher *publisher)
{
    return &publisher->mark;
}

/* Logs once that a crash on this file system leaves files behind until the next start. */
static void note_no_unnamed(Publisher *publisher)
{
    publisher->has_no_unnamed = true;
    log_info("the file system of '%s' has no unnamed files (O_TMPFILE): thumbnails have hidden "
             "names there until they are complete",
             publisher->path);
}

int publisher_create(Publisher *publisher, GError **error)
{
    int fd = -1;

    if (!publisher->has_no_unnamed) {
        fd = FAILPOINT("publish.create",
                       openat(publisher->folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
            note_no_unnamed(publisher);
    }
    if (publisher->has_no_unnamed)
        fd = named_create(publisher->named, publisher->folder_fd);
    if (fd < 0)
        error_set_errno(error, errno, "cannot make a file in", publisher->path);
    return fd;
}

void publisher_discard(Publisher *publisher, int *fd)
{
    named_discard(publisher->named, publisher->folder_fd, *fd);
    fd_clear(fd);
}

bool publisher_set_source(Publisher *publisher, int source_fd, GError **error)
{
    if (access_of(source_fd, publisher->mode, &publisher->access))
        return true;
    error_set_errno(error, errno, "cannot read the access rights of a picture in", publisher->path);
    return false;
}

bool publisher_follow_source(Publisher *publisher, const char *key)
{
    autofd fd = publisher->bucket_fd < 0
                    ? -1
                    : folder_open_beneath(publisher->bucket_fd, key, O_PATH | O_NOFOLLOW);

    return fd >= 0 && access_of(fd, publisher->mode, &publisher->access);
}

/* True if the file belongs to the daemon, to root or to the owner of the picture. thumbq gives
 * files to no other user. */
static bool is_of_ours(const Publisher *publisher, const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0 || st->st_uid == publisher->access.uid;
}

void publisher_adjust(Publisher *publisher, const char *rendition, const char *key, ImageType type)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    const char *name;
    g_autofree char *folder = parent_split(path, &name);
    autofd parent_fd = folder_tree_open(&publisher->folders, folder, key);
    autofd fd = parent_fd < 0
                    ? -1
                    : folder_open_beneath(parent_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    /* The owner of the folder can put a file of another user there: only a file with the mark is
     * changed. A file with other links may be used by another user, too. */
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1 ||
        !is_of_ours(publisher, &st) || !mark_is_unchanged(&publisher->mark, fd, key))
        return;
    if (access_apply(fd, &publisher->access) != 0)
        /* The thumbnail is found missing, and made again. */
        publisher_remove_path(publisher, path);
}

void publisher_adjust_folder(Publisher *publisher, const char *rendition, const char *key)
{
    g_autofree char *inside = g_strconcat(key, *key ? "/x" : "x", NULL);
    g_autofree char *path = layout_thumbnail_path(rendition, inside, IMAGE_PNG);
    const char *name;
    g_autofree char *folder = parent_split(path, &name);

    folder_tree_adjust(&publisher->folders, folder, key);
}

void publisher_settle(Publisher *publisher, bool is_settled)
{
    folder_tree_settle(&publisher->folders, is_settled);
}

bool publisher_widen_folder(Publisher *publisher)
{
    return folder_tree_widen(&publisher->folders);
}

bool publisher_lacks(const Publisher *publisher)
{
    return folder_tree_lacks(&publisher->folders);
}

void publisher_set_away(Publisher *publisher, GPtrArray *folders)
{
    g_ptr_array_unref(publisher->folders.away);
    publisher->folders.away = folders;
}

/* Sets the error for a thumbnail that could not be moved to `path`; errno says why. */
static void fail_put(const char *path, GError **error)
{
    g_autofree char *text = object_key_to_text(path, NULL);

    if (errno == EISDIR)
        g_set_error(error, THUMBQ_ERROR, ERROR_NAME_TAKEN,
                    "cannot put the thumbnail in its place: '%s' is a folder", text);
    else if (errno == ENOTDIR)
        g_set_error(error, THUMBQ_ERROR, ERROR_NAME_TAKEN,
                    "cannot put the thumbnail in its place: a file is where a folder of '%s' "
                    "must be",
                    text);
    else if (errno == FOLDER_IS_ANOTHERS)
        g_set_error(error, THUMBQ_ERROR, ERROR_NAME_TAKEN,
                    "cannot put the thumbnail in its place: a folder of '%s' is another user's, or "
                    "was not made by thumbq",
                    text);
    else
        error_set_errno(error, errno, "cannot put the thumbnail in its place:", text);
}

bool publisher_put(Publisher *publisher, int fd, const char *rendition, const char *key,
                   ImageType type, GError **error)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    const char *name;
    g_autofree char *folder = parent_split(path, &name);

    /* Without a mark a sweep takes the thumbnail neither for an orphan nor for one of thumbq's. */
    int errnum = mark_set(&publisher->mark, fd, key, NULL);
    if (errnum != 0) {
        g_autofree char *text = object_key_to_text(path, NULL);
        error_set_errno(error, errnum, "cannot mark the thumbnail", text);
        return false;
    }
    errnum = access_apply(fd, &publisher->access);
    if (errnum != 0) {
        g_autofree char *text = object_key_to_text(path, NULL);
        error_set_errno(error, errnum, "cannot set the mode of the thumbnail", text);
        return false;
    }
    autofd parent_fd = folder_tree_open(&publisher->folders, folder, key);
    if (parent_fd < 0 ||
        !link_into_place(publisher->named, publisher->folder_fd, fd, parent_fd, name)) {
        fail_put(path, error);
        return false;
    }
    /* No sync_file_range here: a disk request for each thumbnail costs more than the early start
     * saves. syncfs writes all of them in a few requests. */
    publisher->n_unsynced++;
    return true;
}

/* Logs that a thumbnail cannot be removed, once for all removals that fail in a row. */
static void fail_remove(Publisher *publisher, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = object_key_to_text(path, NULL);

    error_set_errno(&error, errno, "cannot remove the thumbnail", text);
    if (!publisher->has_orphans)
        log_warning("%s; a sweep after the next scan tries again", error->message);
    publisher->has_orphans = true;
}

void publisher_remove_path(Publisher *publisher, const char *path)
{
    const char *name;
    autofd parent_fd = parent_open(publisher->folder_fd, path, &name);

    if (parent_fd < 0) {
        if (errno != ENOENT)
            fail_remove(publisher, path);
        return;
    }
    if (FAILPOINT("publish.remove", unlinkat(parent_fd, name, 0)) == 0)
        parent_remove_empty(publisher->folder_fd, path);
    else if (errno != ENOENT)
        fail_remove(publisher, path);
}

void publisher_remove(Publisher *publisher, const char *rendition, const char *key, ImageType type)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    publisher_remove_path(publisher, path);
}

bool publisher_has_orphans(const Publisher *publisher)
{
    return publisher->has_orphans;
}

void publisher_forget_orphans(Publisher *publisher)
{
    publisher->has_orphans = false;
}

bool publisher_move(Publisher *publisher, const char *rendition, const char *from, const char *to,
                    ImageType type)
{
    g_autofree char *from_path = layout_thumbnail_path(rendition, from, type);
    g_autofree char *to_path = layout_thumbnail_path(rendition, to, type);
    const char *from_name, *to_name;
    g_autofree char *to_folder = parent_split(to_path, &to_name);
    autofd from_fd = parent_open(publisher->folder_fd, from_path, &from_name);
    autofd to_fd = from_fd >= 0 ? folder_tree_open(&publisher->folders, to_folder, to) : -1;

    autofd fd =
        to_fd < 0 ? -1 : openat(from_fd, from_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    /* A file that another program has put there stays: it must not get the mark. */
    if (fd >= 0 && !mark_is_unchanged(&publisher->mark, fd, from))
        return false;
    /* Bears both marks while it may be at either place. */
    if (fd < 0 || mark_set(&publisher->mark, fd, from, to) != 0 ||
        FAILPOINT("publish.move", renameat(from_fd, from_name, to_fd, to_name)) != 0) {
        publisher_remove(publisher, rendition, from, type);
        return false;
    }
    /* If this fails, the mark with both names is valid, too. */
    (void)mark_set(&publisher->mark, fd, to, NULL);
    publisher->n_unsynced++;
    parent_remove_empty(publisher->folder_fd, from_path);
    return true;
}

bool publisher_move_old(Publisher *publisher, const char *rendition, const char *key,
                        ImageType type)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    g_autofree char *old_path = layout_old_thumbnail_path(rendition, key, type);
    const char *name, *old_name;
    g_autofree char *folder = parent_split(path, &name);

    if (strcmp(old_path, path) == 0)
        return false;
    autofd fd =
        folder_open_beneath(publisher->folder_fd, old_path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        !mark_is_unchanged(&publisher->mark, fd, key))
        return false;
    autofd old_fd = parent_open(publisher->folder_fd, old_path, &old_name);
    autofd parent_fd = old_fd >= 0 ? folder_tree_open(&publisher->folders, folder, key) : -1;
    if (parent_fd < 0 || mark_set(&publisher->mark, fd, key, NULL) != 0 ||
        renameat(old_fd, old_name, parent_fd, name) != 0)
        return false;
    publisher->n_unsynced++;
    parent_remove_empty(publisher->folder_fd, old_path);
    return true;
}

size_t publisher_unsynced(const Publisher *publisher)
{
    return publisher->n_unsynced;
}

bool publisher_flush(Publisher *publisher, GError **error)
{
    if (FAILPOINT("publish.sync", syncfs(publisher->folder_fd)) != 0) {
        error_set_errno(error, errno, "cannot write thumbnails to disk in", publisher->path);
        return false;
    }
    publisher->n_unsynced = 0;
    return true;
}

bool publisher_sync(Publisher *publisher, GError **error)
{
    if (publisher->n_unsynced == 0)
        return true;
    if (publisher->durable)
        return publisher_flush(publisher, error);
    publisher->n_unsynced = 0;
    return true;
}

void publisher_free(Publisher *publisher)
{
    if (!publisher)
        return;
    named_discard_all(publisher->named, publisher->folder_fd);
    fd_clear(&publisher->folder_fd);
    g_free(publisher->bucket);
    g_free(publisher->prefix);
    fd_clear(&publisher->bucket_fd);
    g_free(publisher->path);
    named_free(publisher->named);
    folder_tree_clear(&publisher->folders);
    g_free(publisher);
}
