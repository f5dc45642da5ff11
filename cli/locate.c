/* SPDX-License-Identifier: Apache-2.0 */
#include "locate.h"

#include "base/error.h"
#include "base/trusted.h"
#include "config/etc.h"
#include "model/object.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* realpath(3) with a result for g_free. Returns NULL and sets errno on error. */
static char *real_path(const char *path)
{
    char *real = realpath(path, NULL);
    char *copy = g_strdup(real);
    free(real);
    return copy;
}

/* Resolves the folder `path`. `origin` says in messages where the path comes from, or is "". */
static char *named_bucket(const char *path, const char *origin, GError **error)
{
    char *real = real_path(path);
    if (!real && errno == ENOENT) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "no such bucket: '%s'%s; 'mkdir' makes the folder", path, origin);
        return NULL;
    }
    if (!real) {
        trusted_set_errno(error, errno, "cannot find the bucket", path);
        return NULL;
    }
    if (!g_file_test(real, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "no such bucket: '%s'%s is not a directory", path, origin);
        g_free(real);
        return NULL;
    }
    return real;
}

/*
 * Returns the nearest folder at or above `real` with a LOCATE_STATE_FOLDER that belongs to this
 * user or to root. *others, if not NULL, gets the first folder whose state belongs to another user.
 */
static char *state_above(const char *real, char **others)
{
    char *path = g_strdup(real);

    for (;;) {
        g_autofree char *state = g_build_filename(path, LOCATE_STATE_FOLDER, NULL);
        struct stat st;
        bool is_there = lstat(state, &st) == 0 && S_ISDIR(st.st_mode);
        if (is_there && trusted_is_owner(st.st_uid))
            return path;
        if (is_there && others && !*others)
            *others = g_steal_pointer(&state);
        if (!strcmp(path, "/")) {
            g_free(path);
            return NULL;
        }
        char *parent = g_path_get_dirname(path);
        g_free(path);
        path = parent;
    }
}

char *locate_bucket_above(const char *etc, const char *directory)
{
    g_autofree char *real = real_path(directory);
    char *bucket = NULL;

    if (!real || !etc_find_bucket(etc, real, &bucket, NULL))
        return NULL;
    return bucket ? bucket : state_above(real, NULL);
}

static void set_nowhere(const char *directory, const char *others, GError **error)
{
    if (others)
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "no bucket of yours here: '%s' belongs to another user; name the bucket "
                    "if you mean it",
                    others);
    else
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "no bucket here: '%s' and the folders above it hold no " LOCATE_STATE_FOLDER
                    "; name a bucket, or make one: 'mkdir DIR', then 'thumbq run DIR'",
                    directory);
}

char *locate_bucket(const char *argument, const char *environment, const char *etc,
                    const char *directory, GError **error)
{
    if (argument && *argument)
        return named_bucket(argument, "", error);
    if (environment && *environment)
        return named_bucket(environment, " (from $THUMBQ_BUCKET)", error);

    g_autofree char *real = real_path(directory);
    g_autofree char *others = NULL;
    char *bucket = NULL;
    if (real && !etc_find_bucket(etc, real, &bucket, error))
        return NULL;
    if (bucket)
        return bucket;
    bucket = real ? state_above(real, &others) : NULL;
    if (!bucket)
        set_nowhere(directory, others, error);
    return bucket;
}

/* Returns the part of `path` below `bucket`; NULL if `path` lies elsewhere. `path` is absolute,
 * without "." and "..". */
static const char *below(const char *path, const char *bucket)
{
    size_t len = strlen(bucket);
    /* The bucket is "/". */
    if (len == 1)
        return path + 1;
    return !strncmp(path, bucket, len) && path[len] == '/' ? path + len + 1 : NULL;
}

/* Adds a valid key to the list, once. */
static void add(GPtrArray *keys, const char *key)
{
    if (!key || !object_key_is_valid(key))
        return;
    if (!g_ptr_array_find_with_equal_func(keys, key, g_str_equal, NULL))
        g_ptr_array_add(keys, g_strdup(key));
}

GStrv locate_keys(const char *text, const char *bucket, const char *directory)
{
    GPtrArray *keys = g_ptr_array_new();
    add(keys, text);
    g_autofree char *decoded = object_key_from_text(text);
    add(keys, decoded);
    if (*text) {
        g_autofree char *path = g_canonicalize_filename(text, directory);
        add(keys, below(path, bucket));
        /* The file may be deleted, or be a link, so only the folders above it are resolved. */
        g_autofree char *folder = g_path_get_dirname(path);
        g_autofree char *name = g_path_get_basename(path);
        g_autofree char *real = real_path(folder);
        g_autofree char *resolved = real ? g_build_filename(real, name, NULL) : NULL;
        add(keys, resolved ? below(resolved, bucket) : NULL);
    }
    g_ptr_array_add(keys, NULL);
    return (GStrv)g_ptr_array_free(keys, FALSE);
}
