/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

void fd_clear(int *fd)
{
    if (*fd >= 0)
        /*
         * The result does not matter: close cannot lose data that was written through this
         * descriptor.
         */
        (void)close(*fd);
    *fd = -1;
}

int fd_steal(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

char *file_read_fd(int fd, const char *path, size_t max_bytes, size_t *ret_len, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    for (;;) {
        guint8 chunk[8192];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_set_errno(error, errno, "cannot read", path);
            return NULL;
        }
        if (n == 0)
            break;
        if (bytes->len + (size_t)n > max_bytes) {
            g_set_error(error, THUMBQ_ERROR, ERROR_FILE_TOO_LARGE,
                        "cannot read '%s': more than %zu bytes", path, max_bytes);
            return NULL;
        }
        g_byte_array_append(bytes, chunk, (guint)n);
    }
    if (ret_len)
        *ret_len = bytes->len;
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}

char *file_read(const char *path, size_t max_bytes, size_t *ret_len, GError **error)
{
    autofd fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot open", path);
        return NULL;
    }
    return file_read_fd(fd, path, max_bytes, ret_len, error);
}

bool file_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino != 0 && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool file_make_folders(int dir_fd, const char *path, GError **error)
{
    g_autofree char *partial = g_strdup(path);

    /* In the usual case the folder exists, or only its last component is missing. */
    if (mkdirat(dir_fd, path, 0777) == 0 || errno == EEXIST)
        return true;
    if (errno != ENOENT) {
        error_set_errno(error, errno, "cannot make the folder", path);
        return false;
    }
    for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(dir_fd, partial, 0777) != 0 && errno != EEXIST) {
            error_set_errno(error, errno, "cannot make the folder", partial);
            return false;
        }
        *slash = '/';
    }
    if (mkdirat(dir_fd, path, 0777) != 0 && errno != EEXIST) {
        error_set_errno(error, errno, "cannot make the folder", path);
        return false;
    }
    return true;
}
