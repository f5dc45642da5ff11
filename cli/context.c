#include "context.h"

#include "daemon.h"
#include "error.h"
#include "layout.h"
#include "locate.h"

/* The file to read: NULL for the defaults. */
static char *find_config(const Context *context)
{
    if (context->config_path)
        return g_strdup(context->config_path);
    char *path = g_build_filename(context->bucket, LOCATE_STATE_FOLDER, "thumbq.conf", NULL);
    /* Anything but "not there" is for config_load to complain about. */
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        g_clear_pointer(&path, g_free);
    return path;
}

Config *context_load_config(const Context *context, GError **error)
{
    g_autofree char *path = find_config(context);
    return config_load(path, error);
}

bool context_open_bucket(Context *context, GError **error)
{
    if (context->config)
        return true;
    g_autofree char *directory = g_get_current_dir();
    context->bucket =
        locate_bucket(context->bucket_argument, g_getenv("THUMBQ_BUCKET"), directory, error);
    if (!context->bucket)
        return false;
    context->config = context_load_config(context, error);
    if (!context->config)
        return false;
    context->prefix = layout_below_bucket(context->bucket, context->config->prefix);
    return true;
}

bool context_open_store(Context *context, GError **error)
{
    if (context->store)
        return true;
    if (!context_open_bucket(context, error))
        return false;
    g_autofree char *path = daemon_store_path(context->bucket, context->config);
    g_autoptr(GError) failure = NULL;
    context->store = store_open(path, STORE_READ, &failure);
    if (!context->store && error_code(failure) == ERROR_NOT_FOUND) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "nothing is known of '%s' yet: there is no store in '%s'; "
                    "'thumbq run' makes one",
                    context->bucket, path);
        return false;
    }
    if (!context->store) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    return context_renew_snapshot(context, error);
}

bool context_renew_snapshot(Context *context, GError **error)
{
    g_clear_pointer(&context->snapshot, store_snapshot_end);
    context->snapshot = store_snapshot_begin(context->store, error);
    return context->snapshot;
}

void context_close_store(Context *context)
{
    g_clear_pointer(&context->snapshot, store_snapshot_end);
    g_clear_pointer(&context->store, store_close);
}

void context_clear(Context *context)
{
    context_close_store(context);
    g_clear_pointer(&context->config, config_free);
    g_clear_pointer(&context->prefix, g_free);
    g_clear_pointer(&context->bucket, g_free);
}
