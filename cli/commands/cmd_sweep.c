/* SPDX-License-Identifier: Apache-2.0 */
/* The command `sweep`: runs a sweep now, in the daemon or without one. */
#include "command.h"
#include "daemon/requests.h"
#include "views/progress.h"
#include "views/terminal.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    bool dry_run;
    bool verbose;
    bool include_away;
} OwnOptions;

static const CommandOption options[] = {
    {"dry-run", OPTION_FLAG, NULL, offsetof(OwnOptions, dry_run),
     "change nothing; name each file and object, and why"},
    {"include-away", OPTION_FLAG, NULL, offsetof(OwnOptions, include_away),
     "with 'orphans' or 'all': delete records whose file system is not mounted"},
    {"verbose", OPTION_FLAG, NULL, offsetof(OwnOptions, verbose), "print a line for each change"},
    {NULL},
};

static const char *const kinds_choices[] = {"all",    "orphans", "missing", "stale",
                                            "expire", "store",   NULL};

const CommandUsage usage_sweep = {
    .words = "[KIND]",
    .n_words = 1,
    .choices = kinds_choices,
    .about = "Sweeps the bucket now, as its schedules do; KIND is 'all', or one of\n"
             "  orphans   removes thumbnails whose object was deleted\n"
             "  missing   makes thumbnails again that were deleted or changed\n"
             "  stale     makes thumbnails again whose rendition has been changed\n"
             "  expire    removes thumbnails and objects that are old by the lifecycle rules\n"
             "  store     deletes events and metrics whose time has passed\n"
             "Objects that are away, because their file system is not mounted, stay unchanged.\n"
             "Files that thumbq did not make are removed only by a lifecycle rule with\n"
             "'target = objects'. Without a daemon, the next 'thumbq run' makes the thumbnails\n"
             "that are to be made again.",
    .examples = "thumbq sweep --dry-run photos\n"
                "thumbq sweep orphans --dry-run photos\n"
                "thumbq sweep all photos",
    .options = options,
    .values_size = sizeof(OwnOptions),
};

/* Prints "KIND TAB NAME TAB REASON": unchanged for scripts, in columns for people. */
static void print_line(const char *line)
{
    g_auto(GStrv) parts = g_strsplit(line, "\t", 3);

    if (terminal_is_interactive() && g_strv_length(parts) == 3)
        printf("%-8s %s  (%s)\n", parts[0], parts[1], parts[2]);
    else
        puts(line);
}

static void print_item(const char *line, void *unused_data)
{
    (void)unused_data;
    print_line(line);
}

int cmd_sweep(Context *context, GError **error)
{
    const OwnOptions *own = context->options;
    bool is_verbose = own->dry_run || own->verbose;
    /* No progress line beside a list: they would overwrite each other. */
    g_autoptr(Progress) progress = is_verbose ? NULL : progress_new("sweep");
    const ControlRequest request = {.type = CONTROL_SWEEP,
                                    .sweep = {.kinds = context->words[0],
                                              .dry_run = own->dry_run,
                                              .include_away = own->include_away,
                                              .is_verbose = is_verbose}};
    const ControlWait wait = {.progress = progress ? progress_update : NULL,
                              .progress_data = progress,
                              .item = print_item};
    ControlAnswer answer;

    if (!daemon_request(context->bucket, context->config, &request, &wait, &answer, error))
        return -1;
    g_clear_pointer(&progress, progress_free);
    /* If stdout is a list, the summary is not one of its rows. */
    fprintf(is_verbose ? stderr : stdout, "%s\n", answer.sweep.text);
    return 0;
}
