#include "command.h"
#include "control.h"
#include "daemon.h"
#include "error.h"
#include "progress.h"
#include "units.h"

typedef struct {
    const char *timeout;
} SyncOptions;

static const Option options[] = {
    {"timeout", OPTION_TEXT, "T", offsetof(SyncOptions, timeout),
     "give up after T, and exit 1: 500ms, 15s, 2m; default: never"},
    {NULL},
};

const CommandUsage usage_sync = {
    .about = "Waits until the running daemon has handled everything that lies in the bucket now.",
    .examples = "thumbq sync photos\n"
                "thumbq sync --timeout 1m photos",
    .options = options,
    .values_size = sizeof(SyncOptions),
};

static bool parse_timeout(const char *text, int64_t *ret_us, GError **error)
{
    if (!units_parse_duration(text, ret_us, error)) {
        g_prefix_error(error, "--timeout: ");
        return false;
    }
    if (*ret_us > 0) /* 0 would be for ever */
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--timeout: '%s' is no time at all", text);
    return false;
}

int cmd_sync(Context *context, GError **error)
{
    const SyncOptions *sync = context->options;
    int64_t timeout_us = 0;
    if (sync->timeout && !parse_timeout(sync->timeout, &timeout_us, error))
        return -1;
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    g_autoptr(GError) failure = NULL;
    g_autoptr(Progress) progress = progress_new("sync");
    const ControlWait wait = {
        .timeout_us = timeout_us, .progress = progress_update, .progress_data = progress};
    g_autofree char *answer = control_request(state, "sync", &wait, &failure);
    if (answer)
        return 0;
    if (error_code(failure) == ERROR_NOT_FOUND) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND,
                    "%s; 'thumbq run' starts one, 'thumbq run --once' needs none",
                    failure->message);
        return -1;
    }
    g_propagate_error(error, g_steal_pointer(&failure));
    return -1;
}
