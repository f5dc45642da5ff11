/* SPDX-License-Identifier: Apache-2.0 */
#include "publish.h"

#include "content.h"
#include "error.h"
#include "failpoint.h"
#include "file.h"
#include "layout.h"
#include "log.h"
#include "named.h"
#include "object.h"
#include "place.h"
#include "prefix.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct Publisher {
    char *bucket, *prefix; /* as they were given */
    char *path;            /* of the prefix folder */
    MarkKey mark;
    int folder_fd;       /* the prefix folder; syncfs reports what failed since it was opened */
    int bucket_fd;       /* O_PATH; -1: there is none */
    int mode;            /* ACCESS_OF_SOURCE, or of all thumbnails */
    bool is_reachable;   /* others can get to the bucket where they can get to the thumbnails */
    Access access;       /* of the thumbnails that are put now */
    bool durable;        /* publisher_sync waits for the disk */
    bool has_orphans;    /* something could not be removed */
    size_t n_unsynced;   /* files put or moved since the last publisher_sync */
    bool has_no_unnamed; /* the file system has no unnamed files */
    Named *named;        /* files that are used instead */
};

/* ---- folders ------------------------------------------------------------------------------------
 */

static int open_beneath(int folder_fd, const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, folder_fd, path, &how, sizeof how);
}

/* The folder of the bucket that holds the first `n` components of the key; -1 if it is gone. */
static int open_source_folder(const Publisher *publisher, const char *key, int n)
{
    const char *end = key;

    for (int i = 0; i < n && end; i++)
        end = strchr(end + (i > 0), '/');
    g_autofree char *path = n > 0 && end ? g_strndup(key, (size_t)(end - key)) : g_strdup(".");
    return publisher->bucket_fd < 0 || !end
               ? -1
               : open_beneath(publisher->bucket_fd, path, O_PATH | O_DIRECTORY);
}

/* Nobody may look into a folder of thumbnails who may not look into that of the pictures. */
static bool adjust_folder(const Publisher *publisher, int fd, const char *key, int level)
{
    autofd source_fd = open_source_folder(publisher, key, level);
    Access access;

    if (source_fd < 0 || !access_of(source_fd, publisher->mode, &access))
        return true; /* gone meanwhile, as its pictures are; a folder that was just made is 0700 */
    if (level == 0 && !publisher->is_reachable)
        access_close(&access);
    errno = access_apply(fd, &access);
    return errno == 0;
}

/* Opens the folder of thumbnails at `path`, which is that of `key`, and is made where it is
 * missing.
 */
static int open_folder(Publisher *publisher, const char *path, const char *key)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    autofd fd = open_beneath(publisher->folder_fd, ".", O_PATH | O_DIRECTORY);

    for (int level = 0; fd >= 0 && parts[level]; level++) {
        const char *name = parts[level];
        autofd next = open_beneath(fd, name, O_PATH | O_DIRECTORY);
        if (next < 0 && errno == ENOENT) {
            if (FAILPOINT("publish.mkdir", mkdirat(fd, name, 0700)) != 0 && errno != EEXIST)
                return -1;
            next = open_beneath(fd, name, O_PATH | O_DIRECTORY);
        }
        if (next < 0 || !adjust_folder(publisher, next, key, level))
            return -1;
        fd_clear(&fd);
        fd = fd_steal(&next);
    }
    return fd_steal(&fd);
}

/* Splits a path below the prefix folder; *ret_name points into `path`. Owner: the caller frees. */
static char *split_path(const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');

    *ret_name = slash + 1; /* there is always a rendition before the name */
    return g_strndup(path, (size_t)(slash - path));
}

/* Opens the folder that holds the thumbnail, without making it; *ret_name is within `path`. */
static int open_parent(const Publisher *publisher, const char *path, const char **ret_name)
{
    g_autofree char *folder = split_path(path, ret_name);
    return open_beneath(publisher->folder_fd, folder, O_PATH | O_DIRECTORY);
}

/* Removes the folders of `path` upwards as long as they are empty; rmdir refuses the others. */
static void remove_empty_parents(const Publisher *publisher, const char *path)
{
    g_autofree char *folder = g_strdup(path);
    char *slash;

    while ((slash = strrchr(folder, '/'))) {
        *slash = '\0';
        const char *name;
        char *above = strrchr(folder, '/');
        if (!above)
            return; /* the rendition's own folder stays */
        autofd parent_fd = open_parent(publisher, folder, &name);
        if (parent_fd < 0 ||
            FAILPOINT("publish.rmdir", unlinkat(parent_fd, name, AT_REMOVEDIR)) != 0)
            return;
    }
}

/* ---- opening ------------------------------------------------------------------------------------
 */

/* Opens the prefix folder, which is made where it is missing. -1 on error. */
static int open_prefix(const PublisherOptions *options, char **ret_path, GError **error)
{
    int fd = prefix_open(options, ret_path, error);

    if (fd >= 0 && !options->read_only) {
        named_clean(fd);
        place_claim(fd, options->mark);
    }
    return fd;
}

/* Whether everybody can get to the bucket's folder; where not, nobody gets to thumbnails that lie
 * elsewhere by that. */
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
    publisher->folder_fd = fd;
    publisher->named = named_new();
    publisher->durable = options->durable;
    publisher->bucket_fd = open(options->bucket, O_PATH | O_DIRECTORY | O_CLOEXEC);
    publisher->mode = options->mode;
    g_autofree char *place = layout_below_bucket(options->bucket, options->prefix);
    publisher->is_reachable = place[0] != '/' || is_reachable(options->bucket);
    publisher->access = (Access){.setting = 0600, .mode = 0600}; /* until a source says more */
    publisher->mark = *options->mark;
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
        /* A link that somebody has put there is not the configuration's fault, and may go again. */
        int code = error_code(reason) == ERROR_CONFIG ? ERROR_IO : error_code(reason);
        g_set_error_literal(error, THUMBQ_ERROR, code, reason->message);
        return false;
    }
    named_discard_all(publisher->named, publisher->folder_fd);
    fd_clear(&publisher->folder_fd);
    publisher->folder_fd = fd;
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

/* Says so once: where this is so, a crash leaves files behind until the next start. */
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

/* ---- who may read it ---------------------------------------------------------------------------
 */

bool publisher_set_source(Publisher *publisher, int source_fd, GError **error)
{
    if (access_of(source_fd, publisher->mode, &publisher->access))
        return true;
    error_set_errno(error, errno, "cannot tell who may read a picture in", publisher->path);
    return false;
}

bool publisher_follow_source(Publisher *publisher, const char *key)
{
    autofd fd = publisher->bucket_fd < 0
                    ? -1
                    : open_beneath(publisher->bucket_fd, key, O_PATH | O_NOFOLLOW);

    return fd >= 0 && access_of(fd, publisher->mode, &publisher->access);
}

/* The daemon's, root's, or the picture's owner's: who else owns a file has not got it from here. */
static bool is_of_ours(const Publisher *publisher, const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0 || st->st_uid == publisher->access.uid;
}

void publisher_adjust(Publisher *publisher, const char *rendition, const char *key, ImageType type)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    const char *name;
    g_autofree char *folder = split_path(path, &name);
    autofd parent_fd = open_folder(publisher, folder, key);
    autofd fd =
        parent_fd < 0 ? -1 : open_beneath(parent_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    /* Whoever owns the folder can put a file there that belongs to somebody else: only what bears
     * the mark is given away. One that has other links is somebody else's too. */
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1 ||
        !is_of_ours(publisher, &st) || !mark_is_unchanged(&publisher->mark, fd, key))
        return;
    if (access_apply(fd, &publisher->access) != 0)
        publisher_remove_path(publisher, path); /* it is missed, and made again */
}

void publisher_adjust_folder(Publisher *publisher, const char *rendition, const char *key)
{
    g_autofree char *inside = g_strconcat(key, *key ? "/x" : "x", NULL);
    g_autofree char *path = layout_thumbnail_path(rendition, inside, IMAGE_PNG);
    const char *name;
    g_autofree char *folder = split_path(path, &name);
    autofd fd = open_beneath(publisher->folder_fd, folder, O_PATH | O_DIRECTORY);
    int level = 0;

    for (const char *at = inside; (at = strchr(at, '/')); at++)
        level++;
    if (fd >= 0)
        (void)adjust_folder(publisher, fd, inside, level); /* the next thumbnail there says so */
}

/* ---- putting ------------------------------------------------------------------------------------
 */

/*
 * Gives the unnamed file `fd` a name that nothing has. The short way is root's, and since Linux
 * 6.10 everybody's who has opened the file; to others it says ENOENT, as it does where the folder
 * has been removed.
 */
static int link_unnamed(int fd, int folder_fd, const char *name)
{
    char self[64];

    if (linkat(fd, "", folder_fd, name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != ENOENT)
        return -1;
    g_snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, folder_fd, name, AT_SYMLINK_FOLLOW);
}

/* Gives the unnamed file `fd` the name, replacing what has it. */
static bool link_over(Publisher *publisher, int fd, int parent_fd, const char *name)
{
    if (FAILPOINT("publish.link", link_unnamed(fd, parent_fd, name)) == 0)
        return true;
    if (errno != EEXIST)
        return false;
    /* linkat never replaces: by way of a name that nobody looks for. */
    g_autofree char *temporary = named_new_name(publisher->named);
    if (FAILPOINT("publish.link-temporary", link_unnamed(fd, publisher->folder_fd, temporary)) != 0)
        return false;
    if (FAILPOINT("publish.rename", renameat(publisher->folder_fd, temporary, parent_fd, name)) ==
        0)
        return true;
    int errnum = errno;
    (void)unlinkat(publisher->folder_fd, temporary, 0); /* else the next start does */
    errno = errnum;
    return false;
}

/* Gives the file `fd` the name, replacing what has it. */
static bool move_into_place(Publisher *publisher, int fd, int parent_fd, const char *name)
{
    const char *hidden = named_of(publisher->named, fd);

    if (!hidden)
        return link_over(publisher, fd, parent_fd, name);
    if (FAILPOINT("publish.rename-named",
                  renameat(publisher->folder_fd, hidden, parent_fd, name)) != 0)
        return false;
    named_forget(publisher->named, fd);
    return true;
}

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
    else
        error_set_errno(error, errno, "cannot put the thumbnail in its place:", text);
}

bool publisher_put(Publisher *publisher, int fd, const char *rendition, const char *key,
                   ImageType type, GError **error)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    const char *name;
    g_autofree char *folder = split_path(path, &name);

    /* Without it no sweep would ever take the thumbnail for an orphan, nor for one of ours. */
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
    autofd parent_fd = open_folder(publisher, folder, key);
    if (parent_fd < 0 || !move_into_place(publisher, fd, parent_fd, name)) {
        fail_put(path, error);
        return false;
    }
    /* No sync_file_range here: a request to the disk for each thumbnail costs more than the head
     * start it gives. syncfs writes them all in a few. */
    publisher->n_unsynced++;
    return true;
}

/* ---- afterwards ---------------------------------------------------------------------------------
 */

/* Said once for all that fail in a row. */
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
    autofd parent_fd = open_parent(publisher, path, &name);

    if (parent_fd < 0) {
        if (errno != ENOENT)
            fail_remove(publisher, path);
        return;
    }
    if (FAILPOINT("publish.remove", unlinkat(parent_fd, name, 0)) == 0)
        remove_empty_parents(publisher, path);
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
    g_autofree char *to_folder = split_path(to_path, &to_name);
    autofd from_fd = open_parent(publisher, from_path, &from_name);
    autofd to_fd = from_fd >= 0 ? open_folder(publisher, to_folder, to) : -1;

    autofd fd =
        to_fd < 0 ? -1 : openat(from_fd, from_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    /* Something else lies there, and stays: the mark is not for files that others have put there.
     */
    if (fd >= 0 && !mark_is_unchanged(&publisher->mark, fd, from))
        return false;
    /* With both marks for as long as it may be at either place. */
    if (fd < 0 || mark_set(&publisher->mark, fd, from, to) != 0 ||
        FAILPOINT("publish.move", renameat(from_fd, from_name, to_fd, to_name)) != 0) {
        publisher_remove(publisher, rendition, from, type);
        return false;
    }
    /* With both names in its mark it is ours all the same. */
    (void)mark_set(&publisher->mark, fd, to, NULL);
    publisher->n_unsynced++;
    remove_empty_parents(publisher, from_path);
    return true;
}

/*
 * Puts a thumbnail into its place that an older version had elsewhere, where names could collide.
 * False if there is none.
 */
static bool bring_home(Publisher *publisher, const char *rendition, const char *key, ImageType type,
                       const char *path)
{
    g_autofree char *old_path = layout_old_thumbnail_path(rendition, key, type);
    const char *name, *old_name;
    g_autofree char *folder = split_path(path, &name);

    if (strcmp(old_path, path) == 0)
        return false;
    autofd fd = open_beneath(publisher->folder_fd, old_path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        !mark_is_unchanged(&publisher->mark, fd, key))
        return false;
    autofd old_fd = open_parent(publisher, old_path, &old_name);
    autofd parent_fd = old_fd >= 0 ? open_folder(publisher, folder, key) : -1;
    if (parent_fd < 0 || mark_set(&publisher->mark, fd, key, NULL) != 0 ||
        renameat(old_fd, old_name, parent_fd, name) != 0)
        return false;
    publisher->n_unsynced++;
    remove_empty_parents(publisher, old_path);
    return true;
}

/* As it is found before bring_home, which a dry run leaves to others. */
static int open_old(const Publisher *publisher, const char *rendition, const char *key,
                    ImageType type)
{
    g_autofree char *path = layout_old_thumbnail_path(rendition, key, type);
    return open_beneath(publisher->folder_fd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
}

PublishedState publisher_look(Publisher *publisher, const char *rendition, const char *key,
                              ImageType type, int64_t size_bytes, bool dry_run)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    autofd fd = open_beneath(publisher->folder_fd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;

    if (fd < 0 && dry_run)
        fd = open_old(publisher, rendition, key, type);
    else if (fd < 0 && bring_home(publisher, rendition, key, type, path))
        fd = open_beneath(publisher->folder_fd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0)
        return PUBLISHED_GONE;
    if (!S_ISREG(st.st_mode) || st.st_size != size_bytes ||
        !mark_is_unchanged(&publisher->mark, fd, key))
        return PUBLISHED_CHANGED;
    return PUBLISHED_THERE;
}

bool publisher_adopt(Publisher *publisher, const char *rendition, const char *key, ImageType type,
                     int64_t size_bytes, uint64_t hash, bool dry_run)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    autofd fd = open_beneath(publisher->folder_fd, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != size_bytes ||
        content_hash(fd, size_bytes) != hash)
        return false;
    return dry_run || mark_set(&publisher->mark, fd, key, NULL) == 0;
}

bool publisher_has(Publisher *publisher, const char *rendition, const char *key, ImageType type,
                   int64_t size_bytes)
{
    return publisher_look(publisher, rendition, key, type, size_bytes, false) == PUBLISHED_THERE;
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
    g_free(publisher);
}
