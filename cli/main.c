/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thumbq: the table of commands.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/units.h"
#include "command.h"
#include "complete.h"
#include "reader/reader_process.h"

#include <jansson.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const Command commands[] = {
    {"run", COMMAND_NEEDS_BUCKET | COMMAND_STAYS_ROOT,
     "Watch a bucket and make thumbnails of its images", &usage_run, cmd_run},
    {"sync", COMMAND_NEEDS_BUCKET, "Wait until everything in a bucket has been handled",
     &usage_sync, cmd_sync},
    {"stats", COMMAND_ASKED | COMMAND_PAGED | COMMAND_NEEDS_STORE | COMMAND_FILTERS,
     "Totals of a bucket, or a grouped table", &usage_stats, cmd_stats},
    {"list", COMMAND_ASKED | COMMAND_PAGED | COMMAND_NEEDS_STORE | COMMAND_FILTERS,
     "One row per object", &usage_list, cmd_list},
    {"show", COMMAND_ASKED | COMMAND_ACCEPTS_BUCKET, "All that is known of one object", &usage_show,
     cmd_show},
    {"dead", COMMAND_ASKED | COMMAND_PAGED | COMMAND_ACCEPTS_BUCKET | COMMAND_FILTERS,
     "Objects that have been given up", &usage_dead, cmd_dead},
    {"events", COMMAND_ASKED | COMMAND_PAGED | COMMAND_NEEDS_STORE, "The event log", &usage_events,
     cmd_events},
    {"metrics", COMMAND_ASKED | COMMAND_NEEDS_STORE, "Counters and percentiles over time",
     &usage_metrics, cmd_metrics},
    {"bill", COMMAND_ASKED | COMMAND_NEEDS_STORE, "What AWS Lambda would have charged", &usage_bill,
     cmd_bill},
    {"sweep", COMMAND_NEEDS_BUCKET, "Repair what events do not report", &usage_sweep, cmd_sweep},
    {"reprocess", COMMAND_ASKED | COMMAND_ACCEPTS_BUCKET | COMMAND_FILTERS,
     "Make thumbnails of objects once more", &usage_reprocess, cmd_reprocess},
    {"schedule", COMMAND_ASKED | COMMAND_ACCEPTS_BUCKET, "Schedules and when they are due",
     &usage_schedule, cmd_schedule},
    {"trigger", COMMAND_ASKED | COMMAND_ACCEPTS_BUCKET, "Triggers, their places and dead letters",
     &usage_trigger, cmd_trigger},
    {"doctor", COMMAND_ACCEPTS_BUCKET, "Check machine, sandbox, formats and bucket", &usage_doctor,
     cmd_doctor},
    {"setup", 0, "Make a service of thumbq over a folder, as root", &usage_setup, cmd_setup},
    {"gateway", COMMAND_FORWARDS, "Serve buckets over HTTP, as S3 does", &usage_gateway,
     cmd_gateway},
    {"key", COMMAND_FORWARDS, "Keys of the gateway", &usage_key, cmd_key},
    {"sign", COMMAND_FORWARDS, "A URL of an object that works without a key", &usage_sign,
     cmd_sign},
    {"bench", COMMAND_FORWARDS, "Measure it: speed, latency, a million records", &usage_bench,
     cmd_bench},
    {"config", COMMAND_ACCEPTS_BUCKET, "The effective configuration, every option explained",
     &usage_config, cmd_config},
};

static void print_help(void)
{
    printf("Usage: thumbq COMMAND [options] [BUCKET]\n\n"
           "Makes thumbnails of the images in a folder, the bucket, and keeps them up to\n"
           "date.\n\n"
           "Commands:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n'thumbq COMMAND --help' describes a command. To begin: thumbq run DIR\n");
}

static const Command *find_command(const char *name)
{
    const char *names[G_N_ELEMENTS(commands)];
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (!strcmp(commands[i].name, name))
            return &commands[i];
        names[i] = commands[i].name;
    }
    const char *nearest = units_nearest(name, names, G_N_ELEMENTS(names));
    if (nearest)
        log_error("unknown command '%s'; did you mean '%s'?", name, nearest);
    else
        log_error("unknown command '%s'; 'thumbq help' lists them", name);
    return NULL;
}

static int help(const char *name)
{
    if (!name) {
        print_help();
        return command_finish_output(0);
    }
    const Command *command = find_command(name);
    if (!command)
        return error_exit_status(ERROR_USAGE);
    command_print_help(command);
    return command_finish_output(0);
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c)
{
    return !strcmp(text, a) || !strcmp(text, b) || !strcmp(text, c);
}

int main(int argc, char **argv)
{
    /* Widths of characters follow the locale. Figures are the same everywhere. */
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    /* The parent may have set SIGCHLD to be ignored: the kernel would then reap the children of
     * this process, and their ends would be unknown. */
    signal(SIGCHLD, SIG_DFL);
    fault_handle_signals();
    /* GLib's allocator ends the program when memory is exhausted, as everywhere else. */
    json_set_alloc_funcs(g_malloc, g_free);

    if (argc < 2)
        return help(NULL);
    if (is_one_of(argv[1], "help", "--help", "-h"))
        return help(argv[2]);
    if (is_one_of(argv[1], "version", "--version", "-V")) {
        printf("thumbq %s\n", THUMBQ_VERSION);
        return command_finish_output(0);
    }
    /* Called by the shell scripts in packaging/completions/. */
    if (!strcmp(argv[1], "complete")) {
        complete_print(commands, G_N_ELEMENTS(commands), argv + 2);
        return command_finish_output(0);
    }
    /* Called by the daemon. */
    if (!strcmp(argv[1], READER_WORD))
        return reader_main(commands, G_N_ELEMENTS(commands), argv + 2);
    const Command *command = find_command(argv[1]);
    return command ? command_run(command, argv + 2) : error_exit_status(ERROR_USAGE);
}
