#include "command.h"
#include "daemon.h"
#include "error.h"

#include <string.h>
#include <unistd.h>

#define HANDLER_NAME "thumbq-thumbnail"

typedef struct {
    bool once;
    bool quiet;
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
    {"quiet", OPTION_FLAG, NULL, offsetof(RunOptions, quiet), "no line per invocation"},
    {NULL},
};

const CommandUsage usage_run = {
    .about =
        "Makes thumbnails of every image that lies in the folder BUCKET or comes into it, until\n"
        "SIGINT or SIGTERM; then finishes what runs, and exits 0.",
    .examples = "thumbq run --once photos\n"
                "thumbq run --size 256x256,1024x1024 --jobs 2 photos",
    .options = options,
    .values_size = sizeof(RunOptions),
};

/*
 * $THUMBQ_HANDLER, else beside this executable (in the build), else where it is installed: seen
 * from this executable, so that an installation may be moved, or as configured.
 */
static char *find_handler(GError **error)
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

int cmd_run(Context *context, GError **error)
{
    const RunOptions *run = context->options;
    if (run->size && !config_set_sizes(context->config, run->size, error)) {
        g_prefix_error(error, "--size: ");
        return -1;
    }
    if (run->jobs && !config_set_jobs(context->config, run->jobs, error)) {
        g_prefix_error(error, "--jobs: ");
        return -1;
    }
    g_autofree char *handler = find_handler(error);
    if (!handler)
        return -1;
    DaemonOptions daemon = {
        .bucket = context->bucket,
        .handler_program = handler,
        .once = run->once,
        .quiet = run->quiet,
    };
    uint64_t dead = 0;
    if (!daemon_run(&daemon, context->config, &dead, error))
        return -1;
    return run->once && dead > 0 ? 1 : 0;
}
