/* SPDX-License-Identifier: Apache-2.0 */
#include "state_folder.h"

#include "base/trusted.h"

#include <fcntl.h>

char *state_folder_path(const char *state, const char *root)
{
    g_autofree char *path =
        state  ? g_strdup(state)
        : root ? g_build_filename(root, STATE_ROOT_FOLDER, NULL)
               : g_build_filename(g_get_user_state_dir(), "thumbq", "gateway", NULL);

    return g_canonicalize_filename(path, NULL);
}

int state_folder_open(const char *path, GError **error)
{
    if (!trusted_become_owner(path, error))
        return -1;
    return trusted_open_folder(AT_FDCWD, path, true, error);
}
