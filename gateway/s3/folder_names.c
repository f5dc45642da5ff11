/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/folder_names.h"

#include "base/clock.h"
#include "base/file.h"
#include "s3/folder_read.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683E
#endif
#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif

#define CHANGES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)
/* Most changes of a folder that wait for the next list. With more, reading it again is as fast. */
#define CHANGES_MAX 20000
#define EVENT_BYTES ((size_t)64 * 1024)

/* A large folder. */
typedef struct {
    dev_t dev;
    ino_t ino;
    int wd;
    /* A thread is reading it: `sorted` is NULL, and changes are already collected. */
    bool is_being_read;
    GPtrArray *sorted;
    /* Holds the texts of `sorted`, and those of names that have gone. */
    GStringChunk *texts;
    /* Bytes of the texts, and of the pointers to them. */
    size_t bytes;
    /* Number of names that have gone. */
    guint n_gone;
    /* Elements: char *, owned. Names that an event was about, of a folder with '/'. */
    GPtrArray *changes;
    int64_t used_us;
} Folder;

struct FolderNames {
    GMutex mutex;
    /* A thread has read a folder. */
    GCond has_read;
    /* inotify; -1: there is none. */
    int fd;
    /* Folders by watch: Folder, owned. */
    GHashTable *folders;
    size_t bytes;
};

static void folder_free(void *data)
{
    Folder *folder = data;

    if (folder->sorted)
        g_ptr_array_unref(folder->sorted);
    if (folder->texts)
        g_string_chunk_free(folder->texts);
    g_ptr_array_unref(folder->changes);
    g_free(folder);
}

FolderNames *folder_names_new(void)
{
    FolderNames *names = g_new0(FolderNames, 1);

    g_mutex_init(&names->mutex);
    g_cond_init(&names->has_read);
    names->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    names->folders = g_hash_table_new_full(NULL, NULL, NULL, folder_free);
    return names;
}

void folder_names_free(FolderNames *names)
{
    if (!names)
        return;
    fd_clear(&names->fd);
    g_hash_table_unref(names->folders);
    g_cond_clear(&names->has_read);
    g_mutex_clear(&names->mutex);
    g_free(names);
}

static Folder *folder_of(const FolderNames *names, int wd)
{
    return g_hash_table_lookup(names->folders, GINT_TO_POINTER(wd));
}

/* Forgets a folder. */
static void drop(FolderNames *names, const Folder *folder)
{
    /* The kernel has removed the watch if the folder is gone. */
    (void)inotify_rm_watch(names->fd, folder->wd);
    names->bytes -= folder->bytes;
    g_hash_table_remove(names->folders, GINT_TO_POINTER(folder->wd));
}

static void drop_all(FolderNames *names)
{
    GHashTableIter iter;
    void *row;

    g_hash_table_iter_init(&iter, names->folders);
    while (g_hash_table_iter_next(&iter, NULL, &row))
        (void)inotify_rm_watch(names->fd, ((Folder *)row)->wd);
    g_hash_table_remove_all(names->folders);
    names->bytes = 0;
}

static void apply_event(FolderNames *names, const struct inotify_event *event)
{
    Folder *folder;

    if (event->mask & IN_Q_OVERFLOW) {
        drop_all(names);
        return;
    }
    folder = folder_of(names, event->wd);
    if (!folder)
        return;
    if ((event->mask & (IN_IGNORED | IN_UNMOUNT)) || folder->changes->len == CHANGES_MAX) {
        drop(names, folder);
        return;
    }
    if (!event->len)
        return;
    g_ptr_array_add(folder->changes,
                    g_strconcat(event->name, event->mask & IN_ISDIR ? "/" : "", NULL));
}

/* Takes all events that the kernel has queued. */
static void read_events(FolderNames *names)
{
    g_autofree char *buffer = g_malloc(EVENT_BYTES);
    ssize_t len;

    while ((len = read(names->fd, buffer, EVENT_BYTES)) > 0) {
        for (const char *at = buffer; at < buffer + len;) {
            const struct inotify_event *event = (const void *)at;
            apply_event(names, event);
            at += sizeof *event + event->len;
        }
    }
}

/* Index of the first name that is not below `text`. */
static guint lower_bound(const GPtrArray *sorted, const char *text)
{
    guint low = 0, high = sorted->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (strcmp(sorted->pdata[middle], text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* True if the folder has this file; or this folder, if the name ends in '/'. The order of events
 * does not tell that: of two names that are exchanged, one seems to have gone last. */
static bool is_object(int dir_fd, const char *text)
{
    const bool is_folder = g_str_has_suffix(text, "/");
    g_autofree char *name = g_strndup(text, strlen(text) - (is_folder ? 1 : 0));
    struct stat st;

    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (is_folder ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode));
}

static void append_range(GPtrArray *target, const GPtrArray *source, guint begin, guint end)
{
    guint len = target->len;

    if (end <= begin)
        return;
    g_ptr_array_set_size(target, (gint)(len + (end - begin)));
    memcpy(target->pdata + len, source->pdata + begin, (end - begin) * sizeof(void *));
}

/* Brings the names up to date: an event says which name to look at, not what is there. */
static void apply_changes(FolderNames *names, Folder *folder, int dir_fd)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) changed = g_ptr_array_new();
    GPtrArray *old = folder->sorted, *sorted;
    guint next = 0;

    if (folder->changes->len == 0)
        return;
    for (guint i = 0; i < folder->changes->len; i++) {
        if (g_hash_table_add(seen, folder->changes->pdata[i]))
            g_ptr_array_add(changed, folder->changes->pdata[i]);
    }
    g_ptr_array_sort(changed, folder_compare_texts);
    sorted = g_ptr_array_sized_new(old->len + changed->len);
    for (guint i = 0; i < changed->len; i++) {
        const char *text = changed->pdata[i];
        guint at = lower_bound(old, text);
        bool was_there = at < old->len && strcmp(old->pdata[at], text) == 0;
        append_range(sorted, old, next, at);
        next = at + (was_there ? 1 : 0);
        if (is_object(dir_fd, text)) {
            g_ptr_array_add(sorted, was_there ? old->pdata[at]
                                              : g_string_chunk_insert(folder->texts, text));
            folder->bytes += was_there ? 0 : FOLDER_NAME_BYTES(text);
            names->bytes += was_there ? 0 : FOLDER_NAME_BYTES(text);
        } else if (was_there) {
            folder->n_gone++;
        }
    }
    append_range(sorted, old, next, old->len);
    folder->sorted = sorted;
    g_ptr_array_unref(old);
    g_ptr_array_set_size(folder->changes, 0);
}

/* Copies the names that are not below `from`, NAMES_CHUNK at the most. */
static GPtrArray *copy_names(const GPtrArray *sorted, const char *from, bool *ret_has_more)
{
    guint begin = lower_bound(sorted, from);
    guint end = (guint)MIN((guint64)begin + NAMES_CHUNK, sorted->len);
    GPtrArray *copy = g_ptr_array_new_full(end - begin, g_free);

    for (guint i = begin; i < end; i++)
        g_ptr_array_add(copy, g_strdup(sorted->pdata[i]));
    *ret_has_more = end < sorted->len;
    return copy;
}

/* True if the kernel reports every change of the folder: no other machine and no program below the
 * file system can change it. */
static bool is_watchable(int dir_fd)
{
    static const uint32_t types[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                     F2FS_SUPER_MAGIC, TMPFS_MAGIC,     OVERLAYFS_SUPER_MAGIC};
    struct statfs fs;

    if (fstatfs(dir_fd, &fs) != 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if ((uint32_t)fs.f_type == types[i])
            return true;
    }
    return false;
}

/* Watches a folder, which is then being read. NULL: it cannot be watched. */
static Folder *watch(FolderNames *names, int dir_fd, const struct stat *st)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", dir_fd);
    int wd = is_watchable(dir_fd) ? inotify_add_watch(names->fd, path, CHANGES) : -1;

    if (wd < 0)
        return NULL;
    Folder *folder = g_new0(Folder, 1);
    *folder = (Folder){.dev = st->st_dev, .ino = st->st_ino, .wd = wd, .is_being_read = true};
    folder->changes = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(names->folders, GINT_TO_POINTER(wd), folder);
    return folder;
}

/* Finds a folder by its state. NULL: it is not kept. */
static Folder *find(const FolderNames *names, const struct stat *st)
{
    GHashTableIter iter;
    void *row;

    g_hash_table_iter_init(&iter, names->folders);
    while (g_hash_table_iter_next(&iter, NULL, &row)) {
        Folder *folder = row;
        if (folder->dev == st->st_dev && folder->ino == st->st_ino)
            return folder;
    }
    return NULL;
}

/* Forgets the folders that were read longest ago, until the names take no more than their bytes. */
static void make_room(FolderNames *names)
{
    while (names->bytes > NAMES_BYTES_MAX) {
        const Folder *oldest = NULL;
        GHashTableIter iter;
        void *row;
        g_hash_table_iter_init(&iter, names->folders);
        while (g_hash_table_iter_next(&iter, NULL, &row)) {
            const Folder *folder = row;
            if (folder->sorted && (!oldest || folder->used_us < oldest->used_us))
                oldest = folder;
        }
        if (!oldest)
            return;
        drop(names, oldest);
    }
}

/* Reads the folder behind the watch `wd`, and keeps its names. The mutex is not held during the
 * reading. NULL with errno. Owner: the caller. */
static GPtrArray *read_and_cache(FolderNames *names, int dir_fd, const struct stat *st, int wd,
                                 const char *from, bool *ret_has_more)
{
    GStringChunk *texts = NULL;
    GPtrArray *copy = NULL;
    size_t bytes = 0;

    g_mutex_unlock(&names->mutex);
    GPtrArray *sorted = folder_read(dir_fd, st->st_size, &texts, &bytes);
    int errnum = errno;
    if (sorted)
        copy = copy_names(sorted, from, ret_has_more);
    g_mutex_lock(&names->mutex);
    Folder *folder = folder_of(names, wd);
    g_cond_broadcast(&names->has_read);
    /* Too many changes during the reading have made the kernel or apply_event give the folder up.
     */
    if (folder && folder->is_being_read && sorted) {
        folder->is_being_read = false;
        folder->sorted = g_steal_pointer(&sorted);
        folder->texts = g_steal_pointer(&texts);
        folder->bytes = bytes;
        folder->used_us = clock_monotonic_us();
        names->bytes += bytes;
        make_room(names);
    } else if (folder && folder->is_being_read) {
        drop(names, folder);
    }
    if (sorted)
        g_ptr_array_unref(sorted);
    if (texts)
        g_string_chunk_free(texts);
    errno = errnum;
    return copy;
}

/* Reads a large folder, or its kept names. Called under the mutex. *ret_is_unwatched: it has to be
 * read without being kept. */
static GPtrArray *read_large(FolderNames *names, int dir_fd, const struct stat *st,
                             const char *from, bool *ret_has_more, bool *ret_is_unwatched)
{
    Folder *folder;

    *ret_is_unwatched = false;
    for (;;) {
        read_events(names);
        folder = find(names, st);
        if (!folder || !folder->is_being_read)
            break;
        g_cond_wait(&names->has_read, &names->mutex);
    }
    if (folder && folder->n_gone > folder->sorted->len) {
        /* The texts of names that have gone take more room than the others. */
        drop(names, folder);
        folder = NULL;
    }
    if (!folder) {
        folder = watch(names, dir_fd, st);
        *ret_is_unwatched = !folder;
        return folder ? read_and_cache(names, dir_fd, st, folder->wd, from, ret_has_more) : NULL;
    }
    apply_changes(names, folder, dir_fd);
    folder->used_us = clock_monotonic_us();
    GPtrArray *copy = copy_names(folder->sorted, from, ret_has_more);
    make_room(names);
    return copy;
}

/* Reads a folder without keeping its names. NULL with errno. Owner: the caller. */
static GPtrArray *read_once(int dir_fd, const struct stat *st, const char *from, bool *ret_has_more)
{
    GStringChunk *texts;
    size_t bytes;
    g_autoptr(GPtrArray) sorted = folder_read(dir_fd, st->st_size, &texts, &bytes);

    if (!sorted)
        return NULL;
    GPtrArray *copy = g_ptr_array_new_full(sorted->len, g_free);
    for (guint i = lower_bound(sorted, from); i < sorted->len; i++)
        g_ptr_array_add(copy, g_strdup(sorted->pdata[i]));
    g_string_chunk_free(texts);
    *ret_has_more = false;
    return copy;
}

GPtrArray *folder_names_read(FolderNames *names, int dir_fd, const char *from, bool *ret_has_more)
{
    bool is_unwatched;
    struct stat st;

    if (fstat(dir_fd, &st) != 0)
        return NULL;
    if (names->fd < 0 || st.st_size < NAMES_FOLDER_MIN)
        return read_once(dir_fd, &st, from, ret_has_more);
    g_mutex_lock(&names->mutex);
    GPtrArray *found = read_large(names, dir_fd, &st, from, ret_has_more, &is_unwatched);
    int errnum = errno;
    g_mutex_unlock(&names->mutex);
    errno = errnum;
    return is_unwatched ? read_once(dir_fd, &st, from, ret_has_more) : found;
}

void folder_names_forget(FolderNames *names, int64_t before_us)
{
    GHashTableIter iter;
    void *row;

    g_mutex_lock(&names->mutex);
    g_hash_table_iter_init(&iter, names->folders);
    while (g_hash_table_iter_next(&iter, NULL, &row)) {
        const Folder *folder = row;
        if (folder->is_being_read || folder->used_us >= before_us)
            continue;
        (void)inotify_rm_watch(names->fd, folder->wd);
        names->bytes -= folder->bytes;
        g_hash_table_iter_remove(&iter);
    }
    if (names->fd >= 0)
        read_events(names);
    g_mutex_unlock(&names->mutex);
}

unsigned folder_names_kept(FolderNames *names)
{
    g_mutex_lock(&names->mutex);
    unsigned n = g_hash_table_size(names->folders);
    g_mutex_unlock(&names->mutex);
    return n;
}
