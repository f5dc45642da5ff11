/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/parent.h"

#include "base/failpoint.h"
#include "base/file.h"
#include "journal/folder.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

char *parent_split(const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');

    /* A rendition always stands before the name. */
    *ret_name = slash + 1;
    return g_strndup(path, (size_t)(slash - path));
}

int parent_open(int prefix_fd, const char *path, const char **ret_name)
{
    g_autofree char *folder = parent_split(path, ret_name);
    return folder_open_beneath(prefix_fd, folder, O_PATH | O_DIRECTORY);
}

void parent_remove_empty(int prefix_fd, const char *path)
{
    g_autofree char *folder = g_strdup(path);
    char *slash;

    while ((slash = strrchr(folder, '/'))) {
        *slash = '\0';
        const char *name;
        char *above = strrchr(folder, '/');
        if (!above)
            /* The rendition's own folder stays. */
            return;
        autofd parent_fd = parent_open(prefix_fd, folder, &name);
        if (parent_fd < 0 ||
            FAILPOINT("publish.rmdir", unlinkat(parent_fd, name, AT_REMOVEDIR)) != 0)
            return;
    }
}
