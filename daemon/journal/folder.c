/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/folder.h"

#include "base/failpoint.h"
#include "base/file.h"
#include "journal/access.h"
#include "journal/named.h"
#include "model/object.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void folder_tree_init(FolderTree *tree)
{
    *tree = (FolderTree){.prefix_fd = -1, .bucket_fd = -1};
    tree->away = g_ptr_array_new_with_free_func(g_free);
    tree->due = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void folder_tree_clear(FolderTree *tree)
{
    g_clear_pointer(&tree->away, g_ptr_array_unref);
    g_clear_pointer(&tree->due, g_hash_table_unref);
}

int folder_open_beneath(int fd, const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, fd, path, &how, sizeof how);
}

/* Returns the first `n` components of the key; NULL if the key has fewer. Owner: the caller
 * frees. */
static char *first_parts(const char *key, int n)
{
    const char *end = key;

    for (int i = 0; i < n && end; i++)
        end = strchr(end + (i > 0), '/');
    return end ? g_strndup(key, n > 0 ? (size_t)(end - key) : 0) : NULL;
}

/* Computes the rights of a folder of thumbnails. Returns false if its folder of pictures does not
 * exist. */
static bool access_of_source(const FolderTree *tree, const char *source, bool is_top,
                             Access *ret_access)
{
    autofd fd = tree->bucket_fd < 0 ? -1
                                    : folder_open_beneath(tree->bucket_fd, *source ? source : ".",
                                                          O_PATH | O_DIRECTORY);

    if (fd < 0 || !access_of(fd, tree->mode, ret_access))
        return false;
    if (is_top && !tree->is_reachable)
        access_close(ret_access);
    return true;
}

/* True if the mount of the folder `source` is away: another file system in its place is not the
 * source of the thumbnails. */
static bool is_away(const FolderTree *tree, const char *source)
{
    for (guint i = 0; i < tree->away->len; i++) {
        const char *mount = g_ptr_array_index(tree->away, i);
        if (strcmp(source, mount) == 0 || object_key_is_below(source, mount))
            return true;
    }
    return false;
}

static bool is_ours(const FolderTree *tree, int fd, const char *path, const struct stat *st,
                    const Access *access)
{
    return (st->st_uid == geteuid() && geteuid() != 0) || st->st_uid == access->uid ||
           mark_is_of_folder(tree->mark, fd, path);
}

static bool is_anothers(const FolderTree *tree, const struct stat *st)
{
    return st->st_uid != geteuid() && st->st_uid != 0 && st->st_uid != tree->prefix_uid;
}

/* Returns 0, or an errno value. */
static int adjust_existing(FolderTree *tree, int fd, const char *path, const char *source,
                           const Access *access)
{
    struct stat st;
    bool lacks = false;

    if (fstat(fd, &st) != 0)
        return errno;
    bool ours = is_ours(tree, fd, path, &st, access);
    if (!ours && is_anothers(tree, &st))
        return FOLDER_IS_ANOTHERS;
    bool may_widen = ours && tree->is_settled && !is_away(tree, source);
    int errnum = may_widen ? access_apply(fd, access) : access_narrow(fd, access, ours, &lacks);
    if (!lacks)
        g_hash_table_remove(tree->due, path);
    else if (ours)
        g_hash_table_replace(tree->due, g_strdup(path), g_strdup(source));
    return errnum == EPERM ? FOLDER_IS_ANOTHERS : errnum;
}

/* Marks the folder and gives it its rights. If its folder of pictures does not exist, the mode
 * stays 0700. */
static int finish_new(const FolderTree *tree, int fd, const char *path, const Access *access)
{
    int errnum = mark_folder(tree->mark, fd, path);

    return errnum == 0 && access ? access_apply(fd, access) : errnum;
}

/*
 * Makes the folder `name`, with its mark and all rights from the start: the folder is prepared
 * under a hidden name, so that a crash leaves none that is half done. Returns -1 with errno on
 * error; EEXIST or ENOTEMPTY if the name is taken.
 */
static int make(FolderTree *tree, int parent_fd, const char *name, const char *path,
                const Access *access)
{
    g_autofree char *hidden =
        g_strdup_printf(NAMED_PREFIX "folder-%d-%u", (int)getpid(), tree->counter++);

    if (FAILPOINT("publish.mkdir", mkdirat(tree->prefix_fd, hidden, 0700)) != 0)
        return -1;
    autofd fd = folder_open_beneath(tree->prefix_fd, hidden, O_RDONLY | O_DIRECTORY);
    int errnum = fd < 0 ? errno : finish_new(tree, fd, path, access);
    if (errnum == 0 &&
        FAILPOINT("publish.rename-folder", renameat(tree->prefix_fd, hidden, parent_fd, name)) == 0)
        return fd_steal(&fd);
    errnum = errnum == 0 ? errno : errnum;
    /* On failure the next start removes it. */
    (void)unlinkat(tree->prefix_fd, hidden, AT_REMOVEDIR);
    errno = errnum;
    return -1;
}

/* Opens one folder on the way, or makes it. `path` ends with its name. */
static int open_part(FolderTree *tree, int parent_fd, const char *path, const char *key, int level)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    g_autofree char *source = first_parts(key, level);
    Access access;
    bool has_source = source && access_of_source(tree, source, level == 0, &access);
    autofd fd = folder_open_beneath(parent_fd, name, O_PATH | O_DIRECTORY);

    if (fd < 0 && errno == ENOENT) {
        fd = make(tree, parent_fd, name, path, has_source ? &access : NULL);
        if (fd >= 0 || (errno != EEXIST && errno != ENOTEMPTY))
            return fd_steal(&fd);
        fd = folder_open_beneath(parent_fd, name, O_PATH | O_DIRECTORY);
    }
    if (fd < 0)
        return -1;
    errno = has_source ? adjust_existing(tree, fd, path, source, &access) : 0;
    return errno == 0 ? fd_steal(&fd) : -1;
}

int folder_tree_open(FolderTree *tree, const char *path, const char *key)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    g_autoptr(GString) at = g_string_new(NULL);
    autofd fd = folder_open_beneath(tree->prefix_fd, ".", O_PATH | O_DIRECTORY);

    for (int level = 0; fd >= 0 && parts[level]; level++) {
        g_string_append_printf(at, "%s%s", level > 0 ? "/" : "", parts[level]);
        autofd next = open_part(tree, fd, at->str, key, level);
        fd_clear(&fd);
        fd = fd_steal(&next);
    }
    return fd_steal(&fd);
}

void folder_tree_adjust(FolderTree *tree, const char *path, const char *source)
{
    autofd fd = folder_open_beneath(tree->prefix_fd, path, O_PATH | O_DIRECTORY);
    Access access;

    if (fd < 0 || !access_of_source(tree, source, !strchr(path, '/'), &access))
        g_hash_table_remove(tree->due, path);
    /* On failure the next thumbnail in the folder reports the error. */
    else
        (void)adjust_existing(tree, fd, path, source, &access);
}

void folder_tree_settle(FolderTree *tree, bool is_settled)
{
    tree->is_settled = is_settled;
}

/* Returns the path of a folder that can be given rights now; NULL if there is none. Borrowed. */
static const char *next_due(const FolderTree *tree)
{
    GHashTableIter iter;
    gpointer path, source;

    g_hash_table_iter_init(&iter, tree->due);
    while (tree->is_settled && g_hash_table_iter_next(&iter, &path, &source)) {
        if (!is_away(tree, source))
            return path;
    }
    return NULL;
}

bool folder_tree_lacks(const FolderTree *tree)
{
    return next_due(tree) != NULL;
}

bool folder_tree_widen(FolderTree *tree)
{
    const char *next = next_due(tree);
    gpointer path, source;

    if (!next || !g_hash_table_steal_extended(tree->due, next, &path, &source))
        return false;
    folder_tree_adjust(tree, path, source);
    g_free(path);
    g_free(source);
    return true;
}
