/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command: its row in the table of main.c, what its help says, and how it is run.
 *
 * Every command runs in the same order: options, filters, bucket, configuration, store, then its
 * own function, then stdout is checked. The flags say which of these steps it needs.
 */
#pragma once

#include "context.h"
#include "options.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    COMMAND_TAKES_BUCKET =
        1 << 0, /* BUCKET, --bucket, --config; opens the bucket itself, if at all */
    COMMAND_NEEDS_BUCKET = 1 << 1, /* the bucket is found and its configuration read */
    COMMAND_NEEDS_STORE = 1 << 2,  /* and its store opened for reading */
    COMMAND_FILTERS = 1 << 3,      /* takes the filters */
    COMMAND_HANDS_ON = 1 << 4,     /* all that follows its name goes to another program, as `words`;
                                      only a --help before all of it is ours */
    COMMAND_KEEPS_USER = 1 << 5,   /* root stays root; else it becomes the owner of the state */
} CommandFlags;

/* With one of these, a command has a bucket. */
#define COMMAND_BUCKET_FLAGS (COMMAND_TAKES_BUCKET | COMMAND_NEEDS_BUCKET | COMMAND_NEEDS_STORE)

/* What --help says, and what the command line is read into. */
typedef struct {
    const char *words; /* arguments before BUCKET, all required: "KEY"; NULL for none */
    size_t n_words;
    const char *const *choices; /* NULL-terminated: the first argument may be one of them, or is
                                   taken to be the first of them; n_words is 1; NULL for none */
    bool takes_number;          /* after the words may stand a number: context->number */
    const char *about;          /* what it does: lines of at most 80 characters */
    const char *examples;
    const Option *options; /* the command's own; NULL for none */
    size_t values_size;    /* of the struct that they fill */
} CommandUsage;

/* The exit status, or -1 with *error set. Results go to stdout, everything else to stderr. */
typedef int (*CommandFunction)(Context *context, GError **error);

typedef struct {
    const char *name;
    CommandFlags flags;
    const char *summary; /* one line */
    const CommandUsage *usage;
    CommandFunction run;
} Command;

/* Runs `command` with `args` (NULL-terminated, what follows its name). The exit status. */
int command_run(const Command *command, char *const *args);

/* Writes the help of one command to stdout. */
void command_print_help(const Command *command);

#define COMMAND_TABLES_MAX 4

/* The tables of its options, in the order of its help: its own, filters, bucket, general. */
size_t command_list_options(const Command *command, const Option *ret_tables[COMMAND_TABLES_MAX]);

/* The exit status, after whatever is still to be written to stdout: an error there is one. */
int command_finish_output(int status);

/* One file each: cmd_<name>.c. */
extern const CommandUsage usage_bench, usage_bill, usage_config, usage_doctor, usage_dead,
    usage_events, usage_list, usage_metrics, usage_reprocess, usage_run, usage_schedule,
    usage_setup, usage_show, usage_stats, usage_sweep, usage_sync;
int cmd_bench(Context *context, GError **error);
int cmd_bill(Context *context, GError **error);
int cmd_config(Context *context, GError **error);
int cmd_dead(Context *context, GError **error);
int cmd_doctor(Context *context, GError **error);
int cmd_events(Context *context, GError **error);
int cmd_list(Context *context, GError **error);
int cmd_metrics(Context *context, GError **error);
int cmd_reprocess(Context *context, GError **error);
int cmd_run(Context *context, GError **error);
int cmd_schedule(Context *context, GError **error);
int cmd_setup(Context *context, GError **error);
int cmd_show(Context *context, GError **error);
int cmd_stats(Context *context, GError **error);
int cmd_sweep(Context *context, GError **error);
int cmd_sync(Context *context, GError **error);
