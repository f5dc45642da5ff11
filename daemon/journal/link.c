/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/link.h"

#include "base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/*
 * Gives the unnamed file `fd` a name that is free. The short way needs root, or, since Linux 6.10,
 * a file that the process itself has opened. For other processes it fails with ENOENT, as it does
 * if the folder was removed.
 */
static int link_unnamed(int fd, int folder_fd, const char *name)
{
    char self[64];

    if (linkat(fd, "", folder_fd, name, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno != ENOENT)
        return -1;
    g_snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, folder_fd, name, AT_SYMLINK_FOLLOW);
}

/* Gives the unnamed file `fd` the name, and replaces the file that has it. */
static bool replace_with_unnamed(Named *named, int folder_fd, int fd, int parent_fd,
                                 const char *name)
{
    if (FAILPOINT("publish.link", link_unnamed(fd, parent_fd, name)) == 0)
        return true;
    if (errno != EEXIST)
        return false;
    /* linkat never replaces a file: link to a hidden name, and rename. */
    g_autofree char *temporary = named_new_name(named);
    if (FAILPOINT("publish.link-temporary", link_unnamed(fd, folder_fd, temporary)) != 0)
        return false;
    if (FAILPOINT("publish.rename", renameat(folder_fd, temporary, parent_fd, name)) == 0)
        return true;
    int errnum = errno;
    /* On failure the next start removes it. */
    (void)unlinkat(folder_fd, temporary, 0);
    errno = errnum;
    return false;
}

bool link_into_place(Named *named, int folder_fd, int fd, int parent_fd, const char *name)
{
    const char *hidden = named_of(named, fd);

    if (!hidden)
        return replace_with_unnamed(named, folder_fd, fd, parent_fd, name);
    if (FAILPOINT("publish.rename-named", renameat(folder_fd, hidden, parent_fd, name)) != 0)
        return false;
    named_forget(named, fd);
    return true;
}
