/* SPDX-License-Identifier: Apache-2.0 */
#include "handler_path.h"

#include "base/error.h"

#define HANDLER_NAME "thumbq-thumbnail"

char *handler_path_of(const char *name, char **ret_folder, GError **error)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", error);
    if (!self)
        return NULL;
    g_autofree char *folder = g_path_get_dirname(self);
    g_autofree char *above = g_path_get_dirname(folder);
    const char *const folders[] = {folder, above, THUMBQ_LIBEXEC_DIR};
    const char *const below[] = {"", THUMBQ_LIBEXEC_NAME, ""};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(folders[i], below[i], name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
            return g_steal_pointer(&path);
    }
    if (ret_folder)
        *ret_folder = g_steal_pointer(&folder);
    return NULL;
}

char *handler_path(GError **error)
{
    g_autoptr(GError) reason = NULL;
    const char *named = g_getenv("THUMBQ_HANDLER");
    if (named && *named)
        return g_strdup(named);
    g_autofree char *folder = NULL;
    char *path = handler_path_of(HANDLER_NAME, &folder, &reason);
    if (path)
        return path;
    if (reason)
        g_propagate_error(error, g_steal_pointer(&reason));
    else
        g_set_error(error, THUMBQ_ERROR, ERROR_INTERNAL,
                    "cannot find the handler '" HANDLER_NAME "' in '%s' or '" THUMBQ_LIBEXEC_DIR
                    "'; install thumbq anew, or set $THUMBQ_HANDLER",
                    folder);
    return NULL;
}
