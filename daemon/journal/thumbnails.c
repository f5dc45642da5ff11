/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/thumbnails.h"

#include "base/file.h"
#include "journal/mark.h"
#include "model/layout.h"
#include "model/object.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct ThumbnailWalk {
    MarkKey mark;
    /* DIR, from the prefix folder down. */
    GPtrArray *folders;
    /* Path of the innermost one, below the prefix folder, with '/' at the end; "" at the top. */
    GString *path;
    char *rendition;
    /* Path of the last file returned. */
    GString *file;
    char key[OBJECT_KEY_MAX + 1];
};

static DIR *open_folder(int parent_fd, const char *name)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir)
        fd_clear(&fd);
    return dir;
}

static void close_folder(void *dir)
{
    /* Nothing was written through it. */
    (void)closedir(dir);
}

ThumbnailWalk *thumbnail_walk_new(Publisher *publisher)
{
    ThumbnailWalk *walk = g_new0(ThumbnailWalk, 1);
    DIR *dir = open_folder(publisher_folder_fd(publisher), ".");

    walk->mark = *publisher_mark(publisher);
    walk->folders = g_ptr_array_new_with_free_func(close_folder);
    walk->path = g_string_new(NULL);
    walk->file = g_string_new(NULL);
    if (dir)
        g_ptr_array_add(walk->folders, dir);
    return walk;
}

/* Goes on with the folder `name` of the present one; has no effect if it cannot be opened. */
static void enter(ThumbnailWalk *walk, int parent_fd, const char *name)
{
    DIR *dir = open_folder(parent_fd, name);

    if (!dir)
        return;
    if (walk->folders->len == 1) {
        g_free(walk->rendition);
        walk->rendition = g_strdup(name);
    }
    g_ptr_array_add(walk->folders, dir);
    g_string_append_printf(walk->path, "%s/", name);
}

/* Goes on with the folder above the present one. */
static void leave(ThumbnailWalk *walk)
{
    g_ptr_array_set_size(walk->folders, (gint)walk->folders->len - 1);
    if (walk->path->len > 0) {
        g_string_truncate(walk->path, walk->path->len - 1);
        const char *slash = strrchr(walk->path->str, '/');
        g_string_truncate(walk->path, slash ? (gsize)(slash + 1 - walk->path->str) : 0);
    }
}

static bool type_from_extension(const char *name, ImageType *ret_type)
{
    const char *dot = strrchr(name, '.');

    return dot && image_type_from_extension(dot + 1, ret_type);
}

/* Parses the hash at the end of a name that an older version had to cut, "...~0123456789abcdef";
 * *ret_len is the length before it. */
static bool parse_old_cut(const char *name, size_t len, uint64_t *ret_hash, size_t *ret_len)
{
    const size_t n_digits = 16;
    char digits[17] = "", *end;

    if (len <= n_digits + 1 || name[len - n_digits - 1] != '~')
        return false;
    memcpy(digits, name + len - n_digits, n_digits);
    if (strspn(digits, "0123456789abcdef") != n_digits)
        return false;
    *ret_hash = g_ascii_strtoull(digits, &end, 16);
    *ret_len = len - n_digits - 1;
    return true;
}

/* Parses the key from the path, below the rendition's folder; if *ret_is_cut, only its beginning.
 * Returns false if there is no such key. */
static bool parse_key(const char *path, size_t len, char key[static OBJECT_KEY_MAX + 1],
                      bool *ret_is_cut)
{
    size_t n = 0;

    *ret_is_cut = false;
    for (size_t start = 0; start <= len && !*ret_is_cut;) {
        const char *slash = memchr(path + start, '/', len - start);
        size_t end = slash ? (size_t)(slash - path) : len;
        size_t kept = slash ? layout_parse_folder(path + start, end - start) : end - start;
        *ret_is_cut = layout_parse_cut(path + start, end - start, &kept);
        if (n + kept + 1 > OBJECT_KEY_MAX)
            return false;
        if (start > 0)
            key[n++] = '/';
        memcpy(key + n, path + start, kept);
        n += kept;
        start = end + 1;
    }
    key[n] = '\0';
    return *ret_is_cut || object_key_is_valid(key);
}

/* Sets is_ours if the file bears the mark of the key in its path. A cut name has only the beginning
 * of the key. */
static void identify(ThumbnailWalk *walk, int folder_fd, const char *name, ThumbnailFile *file)
{
    g_string_assign(walk->file, walk->path->str);
    g_string_append(walk->file, name);
    const char *below = walk->file->str + strlen(walk->rendition) + 1;
    const char *dot = strrchr(name, '.');
    size_t len = strlen(below) - (dot ? strlen(dot) : 0), kept;
    uint64_t hash;

    *file =
        (ThumbnailFile){.rendition = walk->rendition, .path = walk->file->str, .key = walk->key};
    if (!dot || !type_from_extension(name, &file->type) ||
        !parse_key(below, len, walk->key, &file->is_cut))
        return;
    autofd fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    file->is_ours = file->is_cut ? mark_holds(&walk->mark, fd)
                                 : mark_names(&walk->mark, fd, layout_key_hash(walk->key));
    if (!file->is_ours && parse_old_cut(name, (size_t)(dot - name), &hash, &kept) &&
        mark_names(&walk->mark, fd, hash)) {
        file->is_cut = file->is_ours = true;
        walk->key[strlen(walk->key) - (size_t)(dot - name) + kept] = '\0';
    }
}

bool thumbnail_walk_next(ThumbnailWalk *walk, ThumbnailFile *ret_file)
{
    while (walk->folders->len > 0) {
        DIR *dir = g_ptr_array_index(walk->folders, walk->folders->len - 1);
        struct dirent *entry = readdir(dir);
        struct stat st;

        if (!entry) {
            leave(walk);
            continue;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            enter(walk, dirfd(dir), entry->d_name);
            continue;
        }
        /* Files beside the renditions' folders are not thumbnails. */
        if (walk->folders->len == 1)
            continue;
        identify(walk, dirfd(dir), entry->d_name, ret_file);
        return true;
    }
    return false;
}

void thumbnail_walk_free(ThumbnailWalk *walk)
{
    g_ptr_array_unref(walk->folders);
    g_string_free(walk->path, TRUE);
    g_string_free(walk->file, TRUE);
    g_free(walk->rendition);
    g_free(walk);
}
