/* SPDX-License-Identifier: Apache-2.0 */
#include "config/etc.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "config/config.h"
#include "config/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Called with each file and the bucket that it names. */
typedef bool (*EtcVisit)(const char *file, const char *bucket, void *data, GError **error);

/* Files of /etc/thumbq that configure a program, not a bucket. */
static const char *const others[] = {"gateway.conf", "functions.conf", "fleet.conf", NULL};

static bool is_of_bucket(const char *name)
{
    return name[0] != '.' && g_str_has_suffix(name, ".conf") && !g_strv_contains(others, name);
}

/*
 * Resolves symbolic links in a path that exists; normalises a path that does not. Owner: the caller
 * frees.
 */
static char *resolve(const char *path)
{
    char *real = realpath(path, NULL);
    char *resolved = real ? g_strdup(real) : g_canonicalize_filename(path, "/");

    free(real);
    return resolved;
}

/* Visits a file of /etc/thumbq, unless it names no bucket or is another user's. */
static bool visit_file(int folder_fd, const char *name, EtcVisit visit, void *data, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *text = trusted_read(folder_fd, name, CONFIG_FILE_MAX, NULL, &reason);
    g_autofree char *path = text ? config_peek_path(text) : NULL;

    /*
     * A file that this user may not read is about a bucket of other users. A file can also
     * disappear meanwhile.
     */
    if (!text && error_code(reason) != ERROR_ACCESS_DENIED &&
        error_code(reason) != ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    if (!path || path[0] != '/')
        return true;
    g_autofree char *file = trusted_path(folder_fd, name);
    g_autofree char *bucket = resolve(path);
    return visit(file, bucket, data, error);
}

/*
 * Calls `visit` for each file in the folder that configures a bucket, until it returns false. A
 * missing folder is no error.
 */
static bool visit_all(const char *folder, EtcVisit visit, void *data, GError **error)
{
    g_autoptr(GError) reason = NULL;
    autofd folder_fd = trusted_open_folder(AT_FDCWD, folder, false, &reason);
    int list_fd = folder_fd < 0 ? -1 : fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
    bool ok = true;

    if (!dir) {
        if (!reason)
            error_set_errno(&reason, errno, "cannot read the folder", folder);
        if (error_code(reason) == ERROR_NOT_FOUND)
            return true;
        fd_clear(&list_fd);
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    for (const struct dirent *entry; ok && (entry = readdir(dir));) {
        if (is_of_bucket(entry->d_name))
            ok = visit_file(folder_fd, entry->d_name, visit, data, error);
    }
    /* The folder was only read, so closing it cannot lose data. */
    (void)closedir(dir);
    return ok;
}

typedef struct {
    const char *bucket;
    char *config;
} ConfigSearch;

/* Remembers the configuration file of the bucket searched for; fails if there is a second one. */
static bool match_config(const char *file, const char *bucket, void *data, GError **error)
{
    ConfigSearch *search = data;

    if (strcmp(bucket, search->bucket) != 0)
        return true;
    if (search->config) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "'%s' and '%s' both name the bucket '%s'",
                    search->config, file, bucket);
        return false;
    }
    search->config = g_strdup(file);
    return true;
}

bool etc_find_config(const char *folder, const char *bucket, char **ret_config, GError **error)
{
    ConfigSearch search = {.bucket = bucket};

    if (!visit_all(folder, match_config, &search, error)) {
        g_free(search.config);
        return false;
    }
    *ret_config = search.config;
    return true;
}

typedef struct {
    const char *directory;
    char *bucket;
} BucketSearch;

/* True if `folder` is `directory` or lies above it. */
static bool contains(const char *folder, const char *directory)
{
    size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);

    return strncmp(folder, directory, len) == 0 &&
           (directory[len] == '/' || directory[len] == '\0');
}

/* Remembers the bucket if it is the innermost one around the directory. */
static bool match_bucket(const char *file, const char *bucket, void *data, GError **error)
{
    BucketSearch *search = data;

    (void)file;
    (void)error;
    if (!contains(bucket, search->directory) ||
        (search->bucket && strlen(bucket) <= strlen(search->bucket)))
        return true;
    g_free(search->bucket);
    search->bucket = g_strdup(bucket);
    return true;
}

bool etc_find_bucket(const char *folder, const char *directory, char **ret_bucket, GError **error)
{
    BucketSearch search = {.directory = directory};

    if (!visit_all(folder, match_bucket, &search, error)) {
        g_free(search.bucket);
        return false;
    }
    *ret_bucket = search.bucket;
    return true;
}
