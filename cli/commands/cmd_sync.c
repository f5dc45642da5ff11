/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command `sync`: waits until everything that is in the bucket now is handled; without a
 * daemon, does the work.
 */
#include "attach.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "command.h"
#include "daemon/daemon.h"
#include "views/progress.h"

typedef struct {
    const char *timeout;
    bool alive;
} SyncOptions;

static const CommandOption options[] = {
    {"timeout", OPTION_TEXT, "T", offsetof(SyncOptions, timeout),
     "give up after T, and exit 1: 500ms, 15s, 2m; default: never"},
    {"alive", OPTION_FLAG, NULL, offsetof(SyncOptions, alive),
     "wait for nothing: exit 0 if a daemon runs, answers and can write its store, else 1"},
    {NULL},
};

const CommandUsage usage_sync = {
    .about =
        "Returns when everything that is in the bucket now has been handled, and all back-fill\n"
        "jobs have ended. Without a daemon, the command does the work itself, as\n"
        "'thumbq run --once' does. Dead objects count as handled.",
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
    /* 0 would mean no limit. */
    if (*ret_us > 0)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--timeout: '%s' is no time at all", text);
    return false;
}

/*
 * Wait for a daemon that was just started and has neither lock nor socket yet, before working here.
 */
#define PATIENCE_US CLOCK_US_PER_SEC

/* Waits until no object of the bucket waits for its thumbnails. Without a daemon, this process
 * makes them. */
static bool sync_bucket(Context *context, int64_t timeout_us, GError **error)
{
    g_autoptr(Progress) progress = progress_new("sync");
    ProgressFunction show = progress ? progress_update : NULL;
    int64_t patience_us = timeout_us > 0 ? MIN(timeout_us / 2, PATIENCE_US) : PATIENCE_US;
    const AttachOrder order = {
        .order = {.request = {.type = CONTROL_SYNC},
                  .wait = {.timeout_us = timeout_us, .progress = show, .progress_data = progress},
                  .patience_us = patience_us},
        .own_work = {.once = true,
                     .quiet = true,
                     .must_finish = true,
                     .timeout_us = timeout_us > 0 ? timeout_us - patience_us : 0,
                     .progress = show,
                     .progress_data = progress},
    };
    ControlAnswer answer;
    ControlDoer doer;
    return attach_work(context, &order, &doer, &answer, error);
}

/* Default time to answer. A stopped daemon, or one whose disk is stuck, does not answer in it. */
#define ALIVE_TIMEOUT_US (10 * CLOCK_US_PER_SEC)

/* Checks a daemon for health checks: the answer passes through the daemon's loop and its disk.
 * Returns the exit status. */
static int check_alive(const Context *context, int64_t timeout_us)
{
    const ControlWait wait = {.timeout_us = timeout_us > 0 ? timeout_us : ALIVE_TIMEOUT_US};
    g_autoptr(GError) failure = NULL;
    autofd fd = attach_connect(context, 0, &failure);
    if (fd < 0 && !failure) {
        log_error("no daemon runs for '%s'", context->bucket);
        return 1;
    }
    const ControlRequest commit = {.type = CONTROL_COMMIT};
    ControlAnswer answer;
    if (fd >= 0 && control_ask(fd, &commit, &wait, &answer, &failure))
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
