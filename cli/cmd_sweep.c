#include "command.h"
#include "control.h"
#include "daemon.h"
#include "error.h"
#include "progress.h"
#include "sweep.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    bool dry_run;
} SweepOptions;

static const Option options[] = {
    {"dry-run", OPTION_FLAG, NULL, offsetof(SweepOptions, dry_run),
     "change nothing, say what would be done"},
    {NULL},
};

static const char *const kinds_choices[] = {"all", "orphans", "missing", "stale", NULL};

const CommandUsage usage_sweep = {
    .words = "[KIND]",
    .n_words = 1,
    .choices = kinds_choices,
    .about = "Sweeps the bucket now, as its schedules do; KIND is 'all', or one of\n"
             "  orphans   removes thumbnails whose object is gone\n"
             "  missing   makes thumbnails again that have gone missing\n"
             "  stale     makes thumbnails again whose rendition has been changed\n"
             "Files that thumbq did not make are never removed. A running daemon does it; without\n"
             "one, what is to be made again is made by the next 'thumbq run'.",
    .examples = "thumbq sweep orphans --dry-run photos\n"
                "thumbq sweep all photos",
    .options = options,
    .values_size = sizeof(SweepOptions),
};

/* The answer of a running daemon, or our own work under the lock. */
static char *sweep(const Context *context, const char *name, SweepKinds kinds, bool dry_run,
                   GError **error)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    g_autofree char *request = g_strdup_printf("sweep %s%s", name, dry_run ? " dry-run" : "");
    g_autoptr(GError) failure = NULL;
    g_autoptr(Progress) progress = progress_new("sweep");
    const ControlWait wait = {.progress = progress_update, .progress_data = progress};
    SweepCounts counts;

    char *answer = control_request(state, request, &wait, &failure);
    if (answer)
        return answer;
    if (error_code(failure) != ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
    if (!sweep_run(context->bucket, context->config, kinds, dry_run,
                   progress ? progress_update : NULL, progress, &counts, error))
        return NULL;
    return sweep_describe(&counts, kinds, dry_run);
}

int cmd_sweep(Context *context, GError **error)
{
    const SweepOptions *own = context->options;
    const char *name = context->words[0];
    SweepKinds kinds = SWEEP_ALL;

    (void)sweep_kinds_from_name(name, &kinds); /* the choices are its names */
    g_autofree char *text = sweep(context, name, kinds, own->dry_run, error);
    if (!text)
        return -1;
    puts(text);
    return 0;
}
