/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "daemon.h"
#include "error.h"
#include "handler_path.h"
#include "locate.h"
#include "progress.h"
#include "run_view.h"
#include "terminal.h"

#include <string.h>

typedef struct {
    bool once;
    bool quiet;
    bool adopt;
    bool report;
    const char *jobs;
    const char *size;
} RunOptions;

static const Option options[] = {
    {"once", OPTION_FLAG, NULL, offsetof(RunOptions, once),
     "bring everything up to date, then exit: 0, or 1 if an object is dead;\n"
     "what fails is tried again at once"},
    {"jobs", OPTION_TEXT, "N", offsetof(RunOptions, jobs),
     "at most N pictures at a time; auto: one per core"},
    {"size", OPTION_TEXT, "WxH[,WxH...]", offsetof(RunOptions, size),
     "make thumbnails of these sizes, instead of those of the configuration"},
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
        "Makes thumbnails of every image that lies in the folder BUCKET or comes into it, until\n"
        "SIGINT or SIGTERM; then finishes what runs, and exits 0. SIGHUP has it read its\n"
        "configuration anew; a wrong one is refused, and the old one stays in force.",
    .examples = "thumbq run --once photos\n"
                "thumbq run --size 256x256,1024x1024 --jobs 2 photos",
    .options = options,
    .values_size = sizeof(RunOptions),
};

/* A person at a terminal reads other lines than a journal or a program. */
static void choose_lines(const RunOptions *run, DaemonOptions *daemon)
{
    bool is_for_people = terminal_error_is_interactive() && !run->report && !run->quiet;

    daemon->quiet = run->quiet || is_for_people;
    daemon->summary = !run->quiet;
    daemon->news = is_for_people ? run_view_tell_person : run_view_tell_journal;
}

/* What the command line and the environment say holds over the file. */
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
    /* Of the unit, whose drop-in for root asks for more than the file may. */
    const char *isolation = g_getenv("THUMBQ_ISOLATION");
    if (isolation && !config_set_isolation(config, isolation, error)) {
        g_prefix_error(error, "THUMBQ_ISOLATION: ");
        return false;
    }
    return true;
}

static Config *load_config(int state_fd, void *data, GError **error)
{
    const Context *context = data;
    bool is_own = strcmp(context->config->state, LOCATE_STATE_FOLDER) == 0;
    g_autoptr(Config) config = context_load_config(context, is_own ? state_fd : -1, error);

    if (!config || !apply_options(context->options, config, error))
        return NULL;
    return g_steal_pointer(&config);
}

int cmd_run(Context *context, GError **error)
{
    const RunOptions *run = context->options;
    if (run->quiet && run->report) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--quiet and --report exclude each other");
        return -1;
    }
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
    uint64_t dead = 0;
    if (!daemon_run(&daemon, context->config, &dead, error))
        return -1;
    return run->once && dead > 0 ? 1 : 0;
}
