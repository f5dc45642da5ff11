/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "control.h"
#include "daemon.h"
#include "error.h"
#include "progress.h"
#include "sweep.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    bool dry_run;
    bool verbose;
    bool include_away;
} OwnOptions;

static const Option options[] = {
    {"dry-run", OPTION_FLAG, NULL, offsetof(OwnOptions, dry_run),
     "change nothing; name each file and object, and why"},
    {"include-away", OPTION_FLAG, NULL, offsetof(OwnOptions, include_away),
     "with 'orphans' or 'all': forget objects whose file system is not mounted"},
    {"verbose", OPTION_FLAG, NULL, offsetof(OwnOptions, verbose), "name what is done, too"},
    {NULL},
};

static const char *const kinds_choices[] = {"all",    "orphans", "missing", "stale",
                                            "expire", "store",   NULL};

const CommandUsage usage_sweep = {
    .words = "[KIND]",
    .n_words = 1,
    .choices = kinds_choices,
    .about = "Sweeps the bucket now, as its schedules do; KIND is 'all', or one of\n"
             "  orphans   removes thumbnails whose object is gone\n"
             "  missing   makes thumbnails again that are gone or have been changed\n"
             "  stale     makes thumbnails again whose rendition has been changed\n"
             "  expire    removes what the lifecycle rules of the configuration say is old\n"
             "  store     drops events and metrics that are to be kept no longer\n"
             "Objects that are away, because what they lie on is not mounted, are left alone.\n"
             "Files that thumbq did not make are never removed, unless a rule of yours with\n"
             "'target = objects' says so. A running daemon does it; without one, what is to be\n"
             "made again is made by the next 'thumbq run'.",
    .examples = "thumbq sweep --dry-run photos\n"
                "thumbq sweep orphans --dry-run photos\n"
                "thumbq sweep all photos",
    .options = options,
    .values_size = sizeof(OwnOptions),
};

/* "KIND TAB NAME TAB REASON": as it is for scripts, in columns for people. */
static void print_line(const char *line)
{
    g_auto(GStrv) parts = g_strsplit(line, "\t", 3);

    if (terminal_is_interactive() && g_strv_length(parts) == 3)
        printf("%-8s %s  (%s)\n", parts[0], parts[1], parts[2]);
    else
        puts(line);
}

static bool print_note(const char *line, void *unused_data)
{
    (void)unused_data;
    print_line(line);
    return true;
}

static void print_item(const char *line, void *unused_data)
{
    (void)unused_data;
    print_line(line);
}

/* The answer of a running daemon, or our own work under the lock. */
static char *sweep(const Context *context, const char *name, SweepOptions *sweep, GError **error)
{
    g_autofree char *state = daemon_state_path(context->bucket, context->config);
    g_autofree char *request =
        g_strdup_printf("sweep %s%s%s%s", name, sweep->dry_run ? " dry-run" : "",
                        sweep->include_away ? " include-away" : "", sweep->note ? " tell" : "");
    g_autoptr(GError) failure = NULL;
    /* Its line and ours would get in each other's way. */
    g_autoptr(Progress) progress = sweep->note ? NULL : progress_new("sweep");
    const ControlWait wait = {
        .progress = progress_update, .progress_data = progress, .item = print_item};
    SweepCounts counts;

    char *answer = control_request(state, request, &wait, &failure);
    if (answer)
        return answer;
    if (error_code(failure) != ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
    sweep->progress = progress ? progress_update : NULL;
    sweep->progress_data = progress;
    if (!sweep_run(context->bucket, context->config, sweep, &counts, error))
        return NULL;
    return sweep_describe(&counts, sweep->dry_run);
}

int cmd_sweep(Context *context, GError **error)
{
    const OwnOptions *own = context->options;
    const char *name = context->words[0];
    SweepOptions wanted = {.kinds = SWEEP_ALL,
                           .dry_run = own->dry_run,
                           .include_away = own->include_away,
                           .note = own->dry_run || own->verbose ? print_note : NULL};

    (void)sweep_kinds_from_name(name, &wanted.kinds); /* the choices are its names */
    g_autofree char *text = sweep(context, name, &wanted, error);
    if (!text)
        return -1;
    /* Where stdout is a list, the sentence about it is no row of it. */
    fprintf(wanted.note ? stderr : stdout, "%s\n", text);
    return 0;
}
