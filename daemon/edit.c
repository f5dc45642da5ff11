/* SPDX-License-Identifier: Apache-2.0 */
#include "edit.h"

#include "clock.h"
#include "control.h"
#include "daemon_private.h"
#include "error.h"
#include "file.h"

#include <string.h>

static const char *const names[] = {[EDIT_RETRY] = "retry", [EDIT_DROP] = "drop"};

const char *edit_action_name(EditAction action)
{
    return names[action];
}

bool edit_action_from_prefix(const char **line, EditAction *ret_action)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(*line, names[i], len) == 0 && (*line)[len] == ' ') {
            *line += len + 1;
            *ret_action = (EditAction)i;
            return true;
        }
    }
    return false;
}

bool edit_apply(Daemon *daemon, EditAction action, const char *key, bool *ret_changed,
                GError **error)
{
    Record record;
    bool found;

    if (!store_peek(daemon->store, key, &found, &record, error))
        return false;
    *ret_changed = found && record.state == STATE_DEAD;
    if (!*ret_changed)
        return true;
    if (action == EDIT_DROP
            ? !store_drop(daemon->store, key, clock_wall_us(), &found, error)
            : !store_requeue(daemon->store, key, PRIORITY_UPLOAD, clock_wall_us(), &found, error))
        return false;
    batch_changed(daemon);
    dispatch_soon(daemon);
    return true;
}

/* One after the other, through a daemon that runs. */
static bool ask_daemon(int fd, EditAction action, const char *const *keys, size_t n_keys,
                       uint64_t *ret_changed, GError **error)
{
    for (size_t i = 0; i < n_keys; i++) {
        g_autofree char *request = g_strdup_printf("%s %s", names[action], keys[i]);
        g_autofree char *answer = control_ask(fd, request, NULL, error);
        if (!answer)
            return false;
        *ret_changed += strcmp(answer, "changed") == 0;
    }
    g_autofree char *saved = control_ask(fd, "commit", NULL, error);
    return saved != NULL;
}

typedef struct {
    EditAction action;
    const char *const *keys;
    size_t n_keys;
    uint64_t changed;
} Edit;

static bool apply_all(Daemon *daemon, void *data, GError **error)
{
    Edit *edit = data;

    for (size_t i = 0; i < edit->n_keys && !daemon->error; i++) {
        bool changed;
        if (!edit_apply(daemon, edit->action, edit->keys[i], &changed, error))
            return false;
        edit->changed += changed;
    }
    return true;
}

bool edit_objects(const char *bucket, const Config *config, EditAction action,
                  const char *const *keys, size_t n_keys, uint64_t *ret_changed, GError **error)
{
    g_autofree char *state = daemon_state_path(bucket, config);
    g_autoptr(GError) failure = NULL;
    Edit edit = {action, keys, n_keys, 0};
    autofd fd = control_connect(state, &failure);

    *ret_changed = 0;
    if (fd >= 0)
        return ask_daemon(fd, action, keys, n_keys, ret_changed, error);
    if (error_code(failure) != ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    if (!offline_run(bucket, config, apply_all, &edit, error))
        return false;
    *ret_changed = edit.changed;
    return true;
}
