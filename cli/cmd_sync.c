/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"
#include "clock.h"
#include "command.h"
#include "daemon.h"
#include "error.h"
#include "file.h"
#include "log.h"
#include "progress.h"
#include "units.h"

typedef struct {
    const char *timeout;
    bool alive;
} SyncOptions;

static const Option options[] = {
    {"timeout", OPTION_TEXT, "T", offsetof(SyncOptions, timeout),
     "give up after T, and exit 1: 500ms, 15s, 2m; default: never"},
    {"alive", OPTION_FLAG, NULL, offsetof(SyncOptions, alive),
     "wait for nothing: exit 0 if a daemon runs, answers and can write its store, else 1"},
    {NULL},
};

const CommandUsage usage_sync = {
    .about =
        "Returns when everything that lies in the bucket now has been handled, and all back-fill\n"
        "jobs have ended. A running daemon does it; without one it is done here, as by\n"
        "'thumbq run --once'. Objects that are dead count as handled.",
    .examples = "thumbq sync photos\n"
                "thumbq sync --alive photos\n"
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

/* A daemon that was started a moment ago has neither lock nor socket yet; it goes before us. */
#define PATIENCE_US CLOCK_US_PER_SEC

static bool sync_bucket(Context *context, int64_t timeout_us, GError **error)
{
    g_autoptr(Progress) progress = progress_new("sync");
    ProgressFunction show = progress ? progress_update : NULL;
    int64_t patience_us = timeout_us > 0 ? MIN(timeout_us / 2, PATIENCE_US) : PATIENCE_US;
    const AttachOrder order = {
        .request = "sync",
        .wait = {.timeout_us = timeout_us, .progress = show, .progress_data = progress},
        .patience_us = patience_us,
        .own_work = {.once = true,
                     .quiet = true,
                     .must_finish = true,
                     .timeout_us = timeout_us > 0 ? timeout_us - patience_us : 0,
                     .progress = show,
                     .progress_data = progress},
    };
    AttachDoer doer;
    return attach_work(context, &order, &doer, error);
}

/* What a daemon that stands still, or writes to a disk that does, gets by default. */
#define ALIVE_TIMEOUT_US (10 * CLOCK_US_PER_SEC)

/* For health checks: the answer goes through the daemon's loop and its disk. The exit status. */
static int check_alive(const Context *context, int64_t timeout_us)
{
    const ControlWait wait = {.timeout_us = timeout_us > 0 ? timeout_us : ALIVE_TIMEOUT_US};
    g_autoptr(GError) failure = NULL;
    autofd fd = attach_connect(context, 0, &failure);
    if (fd < 0 && !failure) {
        log_error("no daemon runs for '%s'", context->bucket);
        return 1;
    }
    g_autofree char *answer = fd >= 0 ? control_ask(fd, "commit", &wait, &failure) : NULL;
    if (answer)
        return 0;
    log_error("the daemon for '%s' does not work: %s", context->bucket, failure->message);
    return 1;
}

int cmd_sync(Context *context, GError **error)
{
    const SyncOptions *sync = context->options;
    int64_t timeout_us = 0;
    bool is_done = false;
    if (sync->timeout && !parse_timeout(sync->timeout, &timeout_us, error))
        return -1;
    if (sync->alive)
        return check_alive(context, timeout_us);
    g_autoptr(GError) failure = NULL;
    autofd fd = attach_connect(context, 0, &failure);
    if (failure) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return -1;
    }
    if (fd < 0 && !daemon_is_up_to_date(context->bucket, context->config, &is_done, error))
        return -1;
    return is_done || sync_bucket(context, timeout_us, error) ? 0 : -1;
}
