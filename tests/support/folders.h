/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary folders of the tests: their removal, and the abilities of their file system. */
#pragma once

#include "base/file.h"

#include <ftw.h>
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static inline int folders_remove_entry(const char *path, const struct stat *st, int type,
                                       struct FTW *walk)
{
    (void)st, (void)type, (void)walk;
    return remove(path);
}

/* Removes a folder and everything in it. */
static inline void folders_remove(const char *path)
{
    g_assert_cmpint(nftw(path, folders_remove_entry, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
}

/* True if files in /tmp can have extended attributes. */
static inline bool folders_have_attributes(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "thumbq-xattr-XXXXXX", NULL);
    autofd fd = g_mkstemp(path);
    bool have = fd >= 0 && fsetxattr(fd, "user.thumbq", "x", 1, 0) == 0;

    (void)unlink(path);
    return have;
}
