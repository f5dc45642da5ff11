/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/paths.h"

#include <glib.h>

/* Returns a path of the configuration, which counts from the bucket unless it is absolute. */
static char *resolve(const char *bucket, const char *path)
{
    return path[0] == '/' ? g_strdup(path) : g_build_filename(bucket, path, NULL);
}

char *daemon_state_path(const char *bucket, const Config *config)
{
    return resolve(bucket, config->state);
}

char *daemon_store_path(const char *bucket, const Config *config)
{
    g_autofree char *state = daemon_state_path(bucket, config);
    return g_build_filename(state, "store", NULL);
}
