/* SPDX-License-Identifier: Apache-2.0 */
/* conf.d: further files beside the main file, read in the order of their names. */
#include "config/config_file.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FOLDER "conf.d"

/*
 * True for names such as "10-sizes.conf". Files that editors and packages leave in the folder are
 * not read.
 */
static bool is_fragment(const char *name)
{
    return name[0] != '.' && g_str_has_suffix(name, ".conf");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(GPtrArray *names, const char *name, const char *folder, GError **error)
{
    if (!is_fragment(name))
        return true;
    if (names->len == CONFIG_FRAGMENTS_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "more than %d files in '%s'",
                    CONFIG_FRAGMENTS_MAX, folder);
        return false;
    }
    g_ptr_array_add(names, g_strdup(name));
    return true;
}

/* Lists the names of the files in order; NULL on error. Owner: g_ptr_array_unref. */
static GPtrArray *list(int folder_fd, const char *folder, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int list_fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
    bool ok = true;

    if (!dir) {
        error_set_errno(error, errno, "cannot read the folder", folder);
        fd_clear(&list_fd);
        return NULL;
    }
    /* The duplicated descriptor shares its position in the folder with the caller's. */
    rewinddir(dir);
    for (const struct dirent *entry; ok && (entry = readdir(dir));)
        ok = add_name(names, entry->d_name, folder, error);
    /* The folder was only read, so closing it cannot lose data. */
    (void)closedir(dir);
    if (!ok)
        return NULL;
    g_ptr_array_sort(names, compare_names);
    return g_steal_pointer(&names);
}

/* Appends the path and the text of the file `name`. *total: bytes of all files so far. */
static bool read_one(int folder_fd, const char *name, GPtrArray *paths, GPtrArray *texts,
                     size_t *total, GError **error)
{
    g_autofree char *path = trusted_path(folder_fd, name);
    size_t len;
    g_autofree char *text = trusted_read(folder_fd, name, CONFIG_FILE_MAX, &len, error);

    if (!text)
        return false;
    *total += len;
    if (*total > CONFIG_FILE_MAX || strlen(text) != len) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    *total > CONFIG_FILE_MAX ? "%s: the files of this folder have more than 1 MiB"
                                             : "%s: the file holds NUL bytes",
                    path);
        return false;
    }
    g_ptr_array_add(paths, g_steal_pointer(&path));
    g_ptr_array_add(texts, g_steal_pointer(&text));
    return true;
}

bool config_fragments_read(int state_fd, GPtrArray *paths, GPtrArray *texts, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *folder = trusted_path(state_fd, FOLDER);
    autofd folder_fd = trusted_open_folder(state_fd, FOLDER, false, &reason);
    size_t total = 0;

    if (folder_fd < 0 && error_code(reason) == ERROR_NOT_FOUND)
        return true;
    if (folder_fd < 0) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    g_autoptr(GPtrArray) names = list(folder_fd, folder, error);
    for (guint i = 0; names && i < names->len; i++) {
        if (!read_one(folder_fd, g_ptr_array_index(names, i), paths, texts, &total, error))
            return false;
    }
    return names != NULL;
}
