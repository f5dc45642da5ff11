/* SPDX-License-Identifier: Apache-2.0 */
#include "handler_path.h"

#include "error.h"

#define HANDLER_NAME "thumbq-thumbnail"

char *handler_path(GError **error)
{
    const char *named = g_getenv("THUMBQ_HANDLER");
    if (named && *named)
        return g_strdup(named);
    g_autofree char *self = g_file_read_link("/proc/self/exe", error);
    if (!self)
        return NULL;
    g_autofree char *folder = g_path_get_dirname(self);
    g_autofree char *above = g_path_get_dirname(folder);
    const char *const folders[] = {folder, above, THUMBQ_LIBEXEC_DIR};
    const char *const below[] = {"", THUMBQ_LIBEXEC_NAME, ""};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(folders[i], below[i], HANDLER_NAME, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
            return g_steal_pointer(&path);
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_INTERNAL,
                "cannot find the handler '" HANDLER_NAME "' in '%s' or '" THUMBQ_LIBEXEC_DIR
                "'; install thumbq anew, or set $THUMBQ_HANDLER",
                folder);
    return NULL;
}
