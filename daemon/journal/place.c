/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/place.h"

#include "base/error.h"
#include "base/trusted.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define PLACE "user.thumbq.bucket"

static bool is_trusted(int folder_fd)
{
    struct stat st;

    return fstat(folder_fd, &st) == 0 && trusted_is_owner(st.st_uid) &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool place_has_marks(int folder_fd)
{
    return fgetxattr(folder_fd, PLACE, NULL, 0) >= 0 || errno != ENOTSUP;
}

bool place_is_own(int folder_fd, const MarkKey *key)
{
    uint8_t id[MARK_ID_SIZE], known[MARK_ID_SIZE];

    mark_bucket_id(key, id);
    return fgetxattr(folder_fd, PLACE, known, sizeof known) == (ssize_t)sizeof known &&
           memcmp(known, id, sizeof id) == 0;
}

void place_claim(int folder_fd, const MarkKey *key)
{
    uint8_t id[MARK_ID_SIZE];

    if (place_is_own(folder_fd, key))
        return;
    mark_bucket_id(key, id);
    /* A failure matters only to a bucket around this one. */
    (void)fsetxattr(folder_fd, PLACE, id, sizeof id, 0);
}

bool place_is_anothers(int folder_fd, const MarkKey *key)
{
    uint8_t id[MARK_ID_SIZE], own[MARK_ID_SIZE];

    if (fgetxattr(folder_fd, PLACE, id, sizeof id) != (ssize_t)sizeof id || !is_trusted(folder_fd))
        return false;
    mark_bucket_id(key, own);
    return memcmp(id, own, sizeof id) != 0;
}

bool place_is_same(int a_fd, int b_fd)
{
    struct stat a, b;

    return fstat(a_fd, &a) == 0 && fstat(b_fd, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

void place_explain(GError *failure)
{
    ErrorCode code = error_code(failure);

    if (code != ERROR_ACCESS_DENIED && code != ERROR_NO_SPACE)
        return;
    char *message = g_strconcat(failure->message, PLACE_HINT, NULL);
    g_free(failure->message);
    failure->message = message;
}
