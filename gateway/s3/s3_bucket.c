/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/s3_bucket.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "config/etc.h"
#include "model/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STATE_FOLDER   ".thumbq"
#define GATEWAY_FOLDER ".thumbq-gateway"
#define UPLOADS_MODE   0770

/* True for four numbers with dots between them. */
static bool is_like_address(const char *name)
{
    g_auto(GStrv) parts = g_strsplit(name, ".", 0);
    size_t n = 0;

    while (parts[n] && *parts[n] && strspn(parts[n], "0123456789") == strlen(parts[n]))
        n++;
    return n == 4 && !parts[n];
}

bool bucket_name_is_legal(const char *name)
{
    size_t len = strlen(name);

    return len >= 3 && len <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len &&
           g_ascii_isalnum(name[0]) && g_ascii_isalnum(name[len - 1]) && !strstr(name, "..") &&
           !strstr(name, ".-") && !strstr(name, "-.") && !is_like_address(name);
}

S3Fault bucket_check_key(const char *key)
{
    if (strlen(key) > S3_KEY_MAX)
        return S3_KEY_TOO_LONG;
    for (const char *at = key; *at;) {
        size_t len = strcspn(at, "/");
        if (len == 0 || (len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
            return S3_INVALID_URI;
        if (len > S3_COMPONENT_MAX)
            return S3_KEY_TOO_LONG;
        at += len + (at[len] == '/');
    }
    return *key ? S3_OK : S3_INVALID_URI;
}

static bool is_in(const char *key, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(key, folder, len) == 0 && (key[len] == '\0' || key[len] == '/');
}

static bool is_private_name(const char *name, size_t len)
{
    static const char *const names[] = {STATE_FOLDER, GATEWAY_FOLDER, S3_UPLOADS_FOLDER};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (len == strlen(names[i]) && g_ascii_strncasecmp(name, names[i], len) == 0)
            return true;
    }
    return false;
}

bool bucket_is_private(const char *key)
{
    for (const char *at = key; *at;) {
        size_t len = strcspn(at, "/");
        if (is_private_name(at, len))
            return true;
        at += len + (at[len] == '/');
    }
    return false;
}

bool bucket_is_reserved(const S3Bucket *bucket, const char *key)
{
    return bucket_is_private(key) || (bucket->prefix[0] != '/' && is_in(key, bucket->prefix));
}

bool bucket_ignores(const S3Bucket *bucket, const char *key)
{
    return config_ignores(bucket->config, key);
}

/* The configuration of the bucket; the defaults if there is none that the gateway may read. NULL:
 * ERROR_SHORTAGE. Owner: config_free. */
static Config *load_config(const char *path, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autofree char *file = NULL;
    g_autofree char *own = g_build_filename(path, STATE_FOLDER, "thumbq.conf", NULL);

    if (!etc_find_config(ETC_FOLDER, path, &file, NULL))
        /* On an error (a file that is not trusted, or two files for the bucket), no file in /etc
         * decides. */
        file = NULL;
    Config *config = config_load(file ? file : own, &reason);
    if (config || error_code(reason) != ERROR_SHORTAGE)
        return config ? config : config_load(NULL, NULL);
    g_propagate_error(error, g_steal_pointer(&reason));
    return NULL;
}

static int open_uploads(int fd)
{
    if (mkdirat(fd, S3_UPLOADS_FOLDER, UPLOADS_MODE) != 0 && errno != EEXIST)
        return -1;
    return openat(fd, S3_UPLOADS_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

S3Bucket *bucket_open(int dir_fd, const char *path, const char *name, Reserved *reserved,
                      GError **error)
{
    autofd fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        error_set_errno(error, errno, "cannot open the bucket", path);
        return NULL;
    }
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autofree char *whole = g_file_read_link(link, NULL);
    Config *config = load_config(whole ? whole : path, error);
    if (!config)
        return NULL;
    S3Bucket *bucket = g_new0(S3Bucket, 1);
    g_atomic_ref_count_init(&bucket->n_refs);
    bucket->name = g_strdup(name);
    bucket->path = whole ? g_steal_pointer(&whole) : g_strdup(path);
    bucket->config = config;
    bucket->prefix = layout_below_bucket(bucket->path, bucket->config->prefix);
    bucket->state = layout_below_bucket(bucket->path, bucket->config->state);
    bucket->made_us = st.st_mtim.tv_sec * CLOCK_US_PER_SEC;
    bucket->opened_us = clock_monotonic_us();
    bucket->st = st;
    bucket->uploads_fd = open_uploads(fd);
    bucket->fd = fd_steal(&fd);
    bucket->reserved = reserved_ref(reserved);
    bucket->places = g_new0(GMutex, 1);
    g_mutex_init(bucket->places);
    return bucket;
}

S3Bucket *bucket_ref(S3Bucket *bucket)
{
    g_atomic_ref_count_inc(&bucket->n_refs);
    return bucket;
}

void bucket_unref(S3Bucket *bucket)
{
    if (!bucket || !g_atomic_ref_count_dec(&bucket->n_refs))
        return;
    fd_clear(&bucket->fd);
    fd_clear(&bucket->uploads_fd);
    config_free(bucket->config);
    reserved_unref(bucket->reserved);
    g_mutex_clear(bucket->places);
    g_free(bucket->places);
    g_free(bucket->name);
    g_free(bucket->path);
    g_free(bucket->prefix);
    g_free(bucket->state);
    g_free(bucket);
}

bool bucket_is_there(const S3Bucket *bucket)
{
    struct stat now;

    return stat(bucket->path, &now) == 0 && file_is_same(&bucket->st, &now);
}

bool bucket_has_uploads(const S3Bucket *bucket, int64_t now_us)
{
    struct stat st, now;

    if (bucket->uploads_fd < 0)
        return now_us - bucket->opened_us < CLOCK_US_PER_SEC;
    return fstatat(bucket->fd, S3_UPLOADS_FOLDER, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstat(bucket->uploads_fd, &st) == 0 && file_is_same(&st, &now);
}

/* Adds the folder at `path`, a key or an absolute path. */
static void list_folder(const S3Bucket *bucket, const char *path, ReservedKind kind,
                        GHashTable *list)
{
    struct stat st;

    if (fstatat(bucket->fd, path, &st, 0) == 0 && S_ISDIR(st.st_mode))
        reserved_list_add(list, &st, kind);
}

void bucket_list_reserved(const S3Bucket *bucket, GHashTable *list)
{
    struct stat st;

    list_folder(bucket, bucket->prefix, RESERVED_OUTPUT, list);
    list_folder(bucket, bucket->state, RESERVED_PRIVATE, list);
    list_folder(bucket, STATE_FOLDER, RESERVED_PRIVATE, list);
    if (bucket->uploads_fd >= 0 && fstat(bucket->uploads_fd, &st) == 0)
        reserved_list_add(list, &st, RESERVED_PRIVATE);
}

void bucket_lock(const S3Bucket *bucket)
{
    g_mutex_lock(bucket->places);
}

void bucket_unlock(const S3Bucket *bucket)
{
    g_mutex_unlock(bucket->places);
}
