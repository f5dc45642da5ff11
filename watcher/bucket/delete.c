/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes an object if it still has a given version. */
#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "bucket/beneath.h"
#include "watcher/bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASIDE_NAME_MAX 64

static bool is_version(const struct stat *st, const ObjectVersion *version, bool moved)
{
    ObjectVersion now;

    object_version_from_stat(st, &now);
    if (moved)
        /* A rename changes the ctime. */
        now.ctime_ns = version->ctime_ns;
    return S_ISREG(st->st_mode) && object_version_equal(&now, version);
}

/* Gives a file that replaced the object its name back, unless the name is in use again. */
static void restore_name(int folder_fd, const char *aside, const char *name)
{
    if (linkat(folder_fd, aside, folder_fd, name, 0) == 0 || errno == EEXIST)
        /* The file has its old name again, or a newer file has replaced it there. */
        (void)unlinkat(folder_fd, aside, 0);
}

/*
 * Deletes the file by way of another name. Under its own name another process could replace the
 * file between the check and the deletion. Returns 0 or an errno; ENOENT if the file is gone.
 */
static int delete_file(int folder_fd, const char *name, const ObjectVersion *version)
{
    char aside[ASIDE_NAME_MAX];
    struct stat st;

    if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (!is_version(&st, version, false))
        return ENOENT;
    (void)snprintf(aside, sizeof aside, ".thumbq-expired-%" PRIu64 "-%d", version->ino,
                   (int)getpid());
    if (FAILPOINT("delete.aside", renameat(folder_fd, name, folder_fd, aside)) != 0)
        return errno;
    if (fstatat(folder_fd, aside, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !is_version(&st, version, true)) {
        restore_name(folder_fd, aside, name);
        return ENOENT;
    }
    if (FAILPOINT("delete.unlink", unlinkat(folder_fd, aside, 0)) == 0)
        return 0;
    int errnum = errno;
    restore_name(folder_fd, aside, name);
    return errnum;
}

bool bucket_delete_object(int bucket_fd, const char *key, const ObjectVersion *version,
                          bool *ret_deleted, GError **error)
{
    const char *slash = strrchr(key, '/');
    g_autofree char *folder = slash ? g_strndup(key, (gsize)(slash - key)) : g_strdup("");
    autofd folder_fd = -1;
    int errnum = object_key_is_valid(key)
                     ? beneath_open(bucket_fd, folder, O_PATH | O_DIRECTORY, &folder_fd)
                     : ENOENT;

    if (errnum == 0)
        errnum = delete_file(folder_fd, slash ? slash + 1 : key, version);
    if (errnum != 0 && !beneath_is_gone(errnum)) {
        g_autofree char *text = object_key_to_text(key, NULL);
        error_set_errno(error, errnum, "cannot delete", text);
        return false;
    }
    *ret_deleted = errnum == 0;
    return true;
}
