/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/folder_read.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define TEXTS_BYTES ((int64_t)1024 * 1024)

/* Type of an entry as readdir reports it. False with errno: it is unknown, and cannot be read. */
static bool find_type(int dir_fd, const struct dirent *entry, unsigned char *ret_type)
{
    struct stat st;

    *ret_type = entry->d_type;
    if (entry->d_type != DT_UNKNOWN)
        return true;
    if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        *ret_type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_LNK;
    else if (errno == ENOENT)
        *ret_type = DT_LNK;
    else
        return false;
    return true;
}

DIR *folder_open_dir(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir)
        fd_clear(&fd);
    return dir;
}

bool folder_next_entry(DIR *dir, const struct dirent **ret_entry, bool *ret_is_folder)
{
    const struct dirent *entry;
    unsigned char type = DT_UNKNOWN;

    /* At the end of the folder readdir leaves errno as it is. */
    for (errno = 0; (entry = readdir(dir)); errno = 0) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!find_type(dirfd(dir), entry, &type))
            return false;
        if (type == DT_DIR || type == DT_REG)
            break;
    }
    *ret_entry = entry;
    *ret_is_folder = type == DT_DIR;
    return entry || errno == 0;
}

/* Reads the names in `dir`; `texts` holds them. False with errno. */
static bool read_entries(DIR *dir, GPtrArray *sorted, GStringChunk *texts, size_t *ret_bytes)
{
    const struct dirent *entry;
    bool is_folder, ok;

    *ret_bytes = 0;
    while ((ok = folder_next_entry(dir, &entry, &is_folder)) && entry) {
        char name[sizeof entry->d_name + 1];
        (void)g_snprintf(name, sizeof name, "%s%s", entry->d_name, is_folder ? "/" : "");
        *ret_bytes += FOLDER_NAME_BYTES(name);
        g_ptr_array_add(sorted, g_string_chunk_insert(texts, name));
    }
    return ok;
}

int folder_compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *folder_read(int dir_fd, int64_t size, GStringChunk **ret_texts, size_t *ret_bytes)
{
    DIR *dir = folder_open_dir(dir_fd);

    if (!dir)
        return NULL;
    GPtrArray *sorted = g_ptr_array_new();
    GStringChunk *texts = g_string_chunk_new((gsize)CLAMP(size, 1024, TEXTS_BYTES));
    int errnum = read_entries(dir, sorted, texts, ret_bytes) ? 0 : errno;
    /* The folder was only read: an error has no effect. */
    (void)closedir(dir);
    if (errnum) {
        g_ptr_array_unref(sorted);
        g_string_chunk_free(texts);
        errno = errnum;
        return NULL;
    }
    g_ptr_array_sort(sorted, folder_compare_texts);
    *ret_texts = texts;
    return sorted;
}
