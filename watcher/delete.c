/* SPDX-License-Identifier: Apache-2.0 */
#include "beneath.h"
#include "bucket.h"
#include "error.h"
#include "failpoint.h"
#include "file.h"

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
        now.ctime_ns = version->ctime_ns; /* a rename changes it */
    return S_ISREG(st->st_mode) && object_version_equal(&now, version);
}

/* Another file came in between: it gets its name back, unless that has been given away again. */
static void put_back(int folder_fd, const char *aside, const char *name)
{
    if (linkat(folder_fd, aside, folder_fd, name, 0) == 0 || errno == EEXIST)
        (void)unlinkat(folder_fd, aside, 0); /* then it has two names, and loses none */
}

/*
 * By way of another name: nobody can put a new file under that one between the look at it and its
 * end, as could happen under its own. Returns 0 or an errno; ENOENT if it is not there any more.
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
        put_back(folder_fd, aside, name);
        return ENOENT;
    }
    if (FAILPOINT("delete.unlink", unlinkat(folder_fd, aside, 0)) == 0)
        return 0;
    int errnum = errno;
    put_back(folder_fd, aside, name);
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
