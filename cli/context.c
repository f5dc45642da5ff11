/* SPDX-License-Identifier: Apache-2.0 */
#include "context.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/trusted.h"
#include "config/etc.h"
#include "daemon/daemon.h"
#include "locate.h"
#include "model/layout.h"
#include "views/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_NAME "thumbq.conf"

/* Bytes of a page before its last row. */
#define PAGE_BYTES (512 << 10)

/* Resolves links in the folders above a configuration file that the user named. The file itself may
 * not be a link. Owner: the caller frees. */
static char *resolve_folder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    char *real = realpath(folder, NULL);
    char *resolved = real ? g_build_filename(real, name, NULL) : g_strdup(path);

    free(real);
    return resolved;
}

Config *context_load_file(const char *path, GError **error)
{
    g_autofree char *resolved = resolve_folder(path);
    return config_load(resolved, error);
}

/* Refuses a configuration whose `path` names another bucket. */
static Config *check_bucket(const Context *context, Config *config, GError **error)
{
    char *real = config && *config->bucket ? realpath(config->bucket, NULL) : NULL;
    bool fits = !config || !*config->bucket || (real && strcmp(real, context->bucket) == 0);

    free(real);
    if (fits)
        return config;
    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                "%s: path: the file is about the bucket '%s', not about '%s'", config->path,
                config->bucket, context->bucket);
    config_free(config);
    return NULL;
}

/* Reads thumbq.conf in the folder `state_fd`, or returns the defaults if there is no such file. */
static Config *load_from(int state_fd, GError **error)
{
    if (faccessat(state_fd, CONFIG_NAME, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return config_load(NULL, error);
    return config_load_at(state_fd, CONFIG_NAME, error);
}

/* Opens the folder that holds the bucket's own thumbq.conf. Returns -1 on error, and -1 with no
 * error set if there is no such folder. */
static int open_state_folder(const Context *context, GError **error)
{
    g_autofree char *path = g_build_filename(context->bucket, LOCATE_STATE_FOLDER, NULL);
    g_autoptr(GError) reason = NULL;
    int fd = trusted_open_folder(AT_FDCWD, path, false, &reason);

    if (fd < 0 && error_code(reason) != ERROR_NOT_FOUND)
        g_propagate_error(error, g_steal_pointer(&reason));
    return fd;
}

/* Logs that the bucket's own thumbq.conf is not read because another configuration is used. */
static void warn_unused(const Context *context, const char *config)
{
    g_autofree char *own =
        g_build_filename(context->bucket, LOCATE_STATE_FOLDER, CONFIG_NAME, NULL);

    if (faccessat(AT_FDCWD, own, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        log_info("the configuration is '%s'; '%s' is not read", config, own);
}

Config *context_load_config(const Context *context, int state_fd, GError **error)
{
    const char *variable = g_getenv("THUMBQ_CONFIG");
    const char *named = context->config_path ? context->config_path : variable;
    g_autoptr(GError) reason = NULL;
    g_autofree char *etc = NULL;

    if (named && *named)
        return check_bucket(context, context_load_file(named, error), error);
    if (!etc_find_config(ETC_FOLDER, context->bucket, &etc, error))
        return NULL;
    if (etc) {
        warn_unused(context, etc);
        return check_bucket(context, config_load(etc, error), error);
    }
    if (state_fd >= 0)
        return check_bucket(context, load_from(state_fd, error), error);
    autofd own_fd = open_state_folder(context, &reason);
    if (reason) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return NULL;
    }
    return own_fd < 0 ? config_load(NULL, error)
                      : check_bucket(context, load_from(own_fd, error), error);
}

/* Makes a root process the owner of .thumbq in the bucket before it reads any file there, then the
 * owner of the state, which may lie elsewhere. */
static bool become_owner(const Context *context, const char *folder, GError **error)
{
    return context->stays_root || trusted_become_owner(folder, error);
}

/* Adds the files of conf.d to the main configuration. If this user cannot read conf.d, the main
 * file alone is used, and `unread` keeps the reason for commands that need the state. */
static bool add_fragments(Context *context, const char *state, GError **error)
{
    g_autoptr(GError) reason = NULL;
    autofd state_fd = trusted_open_folder(AT_FDCWD, state, false, &reason);

    if (state_fd < 0) {
        if (error_code(reason) != ERROR_NOT_FOUND)
            context->unread = g_steal_pointer(&reason);
        return true;
    }
    Config *whole = config_with_fragments(context->config, state_fd, error);
    if (!whole)
        return false;
    config_free(context->config);
    context->config = whole;
    return true;
}

bool context_open_bucket(Context *context, GError **error)
{
    if (context->config)
        return true;
    g_autofree char *directory = g_get_current_dir();
    context->bucket = locate_bucket(context->bucket_argument, g_getenv("THUMBQ_BUCKET"), ETC_FOLDER,
                                    directory, error);
    if (!context->bucket)
        return false;
    g_autofree char *own = g_build_filename(context->bucket, LOCATE_STATE_FOLDER, NULL);
    if (!become_owner(context, own, error))
        return false;
    context->config = context_load_config(context, -1, error);
    if (!context->config)
        return false;
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    if (!become_owner(context, state, error) || !add_fragments(context, state, error)) {
        g_clear_pointer(&context->config, config_free);
        return false;
    }
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
    if (store_is_old(context->store))
        log_warning(
            "the store is of an older thumbq, and figures that it lacks are shown as empty: "
            "'thumbq run' updates it; restart a running daemon");
    return context_renew_snapshot(context, error);
}

bool context_is_closed(const GError *error)
{
    ErrorCode code = error_code(error);
    return code == ERROR_NOT_TRUSTED || code == ERROR_ACCESS_DENIED;
}

bool context_try_store(Context *context, GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (context_open_store(context, &reason))
        return true;
    context->is_closed = context->config && context_is_closed(reason);
    if (!context->is_closed)
        g_propagate_error(error, g_steal_pointer(&reason));
    return context->is_closed;
}

bool context_page_is_full(const ContextPage *page)
{
    /* The caller checks ferror. */
    (void)fflush(stdout);
    return page->output->len >= PAGE_BYTES;
}

bool context_renew_snapshot(Context *context, GError **error)
{
    g_clear_pointer(&context->snapshot, store_snapshot_end);
    context->snapshot = store_snapshot_begin(context->store, error);
    if (context->page)
        return context->snapshot;
    if (context->snapshot)
        output_hold(context->snapshot);
    else
        output_release();
    return context->snapshot;
}

void context_end_snapshot(Context *context)
{
    g_clear_pointer(&context->snapshot, store_snapshot_end);
    output_release();
}

const char *context_nothing_found(const Context *context)
{
    return store_filter_is_empty(&context->filter) ? "no objects yet" : "no objects match";
}

void context_close_store(Context *context)
{
    context_end_snapshot(context);
    g_clear_pointer(&context->store, store_close);
}

void context_clear(Context *context)
{
    context_close_store(context);
    g_clear_error(&context->unread);
    g_clear_pointer(&context->config, config_free);
    g_clear_pointer(&context->prefix, g_free);
    g_clear_pointer(&context->bucket, g_free);
}
