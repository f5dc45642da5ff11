/* SPDX-License-Identifier: Apache-2.0 */
/* The command `run`: starts the daemon of a bucket. */
#include "base/error.h"
#include "command.h"
#include "daemon/daemon.h"
#include "gateway_child.h"
#include "handler_path.h"
#include "locate.h"
#include "views/progress.h"
#include "views/run_view.h"
#include "views/terminal.h"

#include <string.h>

typedef struct {
    bool once;
    bool quiet;
    bool adopt;
    bool report;
    const char *jobs;
    const char *size;
    const char *listen;
} RunOptions;

static const CommandOption options[] = {
    {"once", OPTION_FLAG, NULL, offsetof(RunOptions, once),
     "bring everything up to date, then exit: 0, or 1 if an object is dead;\n"
     "failed attempts are repeated at once"},
    {"jobs", OPTION_TEXT, "N", offsetof(RunOptions, jobs),
     "at most N pictures at a time; auto: one per core"},
    {"size", OPTION_TEXT, "WxH[,WxH...]", offsetof(RunOptions, size),
     "make thumbnails of these sizes, instead of those of the configuration"},
    {"listen", OPTION_TEXT, "ADDR:PORT", offsetof(RunOptions, listen),
     "serve the bucket over HTTP at this address, too: runs 'thumbq gateway' beside the daemon"},
    {"adopt", OPTION_FLAG, NULL, offsetof(RunOptions, adopt),
     "take over a prefix that is another bucket's"},
    {"quiet", OPTION_FLAG, NULL, offsetof(RunOptions, quiet),
     "no line per picture, but for those that are dead"},
    {"report", OPTION_FLAG, NULL, offsetof(RunOptions, report),
     "a REPORT line per invocation, as AWS Lambda logs it, on a terminal too"},
    {NULL},
};

const CommandUsage usage_run = {
    .about =
        "Makes thumbnails of every image in the folder BUCKET, and of every image that is put "
        "into\n"
        "it, until SIGINT or SIGTERM; then finishes the running attempts and exits with 0. SIGHUP\n"
        "makes it read its configuration again; a wrong one is refused, and the old one is used.",
    .examples = "thumbq run --once photos\n"
                "thumbq run --size 256x256,1024x1024 --jobs 2 photos",
    .options = options,
    .values_size = sizeof(RunOptions),
};

/* Chooses the lines for stderr: a terminal gets other lines than a journal or a program. */
static void choose_lines(const RunOptions *run, DaemonOptions *daemon)
{
    bool is_for_people = terminal_error_is_interactive() && !run->report && !run->quiet;

    daemon->quiet = run->quiet || is_for_people;
    daemon->summary = !run->quiet;
    daemon->news = is_for_people ? run_view_print_line : run_view_log_dead;
}

/* Applies the options and the environment, which override the configuration file. */
static bool apply_options(const RunOptions *run, Config *config, GError **error)
{
    if (run->size && !config_set_sizes(config, run->size, error)) {
        g_prefix_error(error, "--size: ");
        return false;
    }
    if (run->jobs && !config_set_jobs(config, run->jobs, error)) {
        g_prefix_error(error, "--jobs: ");
        return false;
    }
    /* Set by the unit. Its drop-in for root allows more than the configuration file may. */
    const char *isolation = g_getenv("THUMBQ_ISOLATION");
    if (isolation && !config_set_isolation(config, isolation, error)) {
        g_prefix_error(error, "THUMBQ_ISOLATION: ");
        return false;
    }
    return true;
}

/* Loads the configuration with its fragments, and applies the options of the command line. */
static Config *load_config(int state_fd, void *data, GError **error)
{
    const Context *context = data;
    bool is_own = strcmp(context->config->state, LOCATE_STATE_FOLDER) == 0;
    g_autoptr(Config) config = context_load_config(context, is_own ? state_fd : -1, error);

    g_autoptr(Config) whole = config ? config_with_fragments(config, state_fd, error) : NULL;
    if (!whole || !apply_options(context->options, whole, error))
        return NULL;
    return g_steal_pointer(&whole);
}

/* Checks which options may be given together. */
static bool check_options(const RunOptions *run, GError **error)
{
    if (run->quiet && run->report)
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--quiet and --report exclude each other");
    else if (run->once && run->listen)
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--once and --listen exclude each other");
    else
        return true;
    return false;
}

int cmd_run(Context *context, GError **error)
{
    const RunOptions *run = context->options;
    if (!check_options(run, error))
        return -1;
    if (!apply_options(run, context->config, error))
        return -1;
    g_autofree char *handler = handler_path(error);
    if (!handler)
        return -1;
    g_autoptr(Progress) progress = progress_new("thumbnails");
    DaemonOptions daemon = {
        .bucket = context->bucket,
        .handler_program = handler,
        .once = run->once,
        .adopt = run->adopt,
        .progress = progress ? progress_update : NULL,
        .progress_data = progress,
        .load_config = load_config,
        .load_data = context,
    };
    choose_lines(run, &daemon);
    g_autoptr(GatewayChild) gateway = NULL;
    if (run->listen) {
        gateway = gateway_child_start(run->listen, context->bucket, run->quiet, error);
        if (!gateway)
            return -1;
    }
    uint64_t dead = 0;
    if (!daemon_run(&daemon, context->config, &dead, error))
        return -1;
    return run->once && dead > 0 ? 1 : 0;
}
