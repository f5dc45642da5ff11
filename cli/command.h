/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command: its row in the table of main.c, its help, and how it is run.
 *
 * All commands run in the same order: options, filters, bucket, configuration, store, the command's
 * function, and a check of stdout for write errors. The flags say which steps a command needs.
 */
#pragma once

#include "context.h"
#include "options.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    COMMAND_ACCEPTS_BUCKET =
        /* Accepts BUCKET, --bucket and --config. The command opens the bucket itself, if needed. */
    1 << 0,
    /* Finds the bucket and reads its configuration before the command runs. */
    COMMAND_NEEDS_BUCKET = 1 << 1,
    /* Also opens the bucket's store for reading. */
    COMMAND_NEEDS_STORE = 1 << 2,
    /* Accepts the filters. */
    COMMAND_FILTERS = 1 << 3,
    /* Passes all arguments after the command's name to another program, as `words`. Only a --help
     * that precedes all of them is handled here. */
    COMMAND_FORWARDS = 1 << 4,
    /* The command only reads, unless it sets context->changes. A user who may not open the store
     * gets the output from the daemon's reader. */
    COMMAND_ASKED = 1 << 6,
    /* The command prints any number of rows, and asks the reader for them page by page itself. */
    COMMAND_PAGED = 1 << 7,
    /* Root does not become the owner of the state. */
    COMMAND_STAYS_ROOT = 1 << 5,
} CommandFlags;

/* A command with one of these flags has a bucket. */
#define COMMAND_BUCKET_FLAGS (COMMAND_ACCEPTS_BUCKET | COMMAND_NEEDS_BUCKET | COMMAND_NEEDS_STORE)

/* The text of --help, and the options that the command line is read into. */
typedef struct {
    /* Required arguments before BUCKET, such as "KEY". NULL means none. */
    const char *words;
    size_t n_words;
    /* NULL-terminated list of values for the first argument. Without one of them, the first is
     * used. n_words is 1 then. NULL means none. */
    const char *const *choices;
    /* A number may follow the words. It becomes context->number. */
    bool accepts_number;
    /* A name follows the words, unless the first of the choices is used. It becomes
     * context->name. */
    bool accepts_name;
    /* Description for the help, in lines of at most 80 characters. */
    const char *about;
    const char *examples;
    /* The command's own options. NULL means none. */
    const CommandOption *options;
    /* Bytes of the struct that the options fill. */
    size_t values_size;
} CommandUsage;

/* The function of a command. Returns the exit status, or -1 with *error set. It prints results to
 * stdout, and everything else to stderr. */
typedef int (*CommandFunction)(Context *context, GError **error);

typedef struct {
    const char *name;
    CommandFlags flags;
    /* One line for the list of commands. */
    const char *summary;
    const CommandUsage *usage;
    CommandFunction run;
} Command;

/* Runs `command` with `args`, the NULL-terminated arguments after its name. Returns the exit
 * status. */
int command_run(const Command *command, char *const *args);

/* Runs `command`, which has COMMAND_ASKED, for another process. Bucket, configuration and store of
 * `context` are open and stay open. Returns the exit status, or -1 with *error set. */
int command_answer(const Command *command, char *const *args, Context *context, GError **error);

/* Prints the help of one command to stdout. */
void command_print_help(const Command *command);

#define COMMAND_TABLES_MAX 4

/* Lists the option tables of a command in the order of its help: its own, filters, bucket, general.
 * Returns their number. */
size_t command_list_options(const Command *command,
                            const CommandOption *ret_tables[COMMAND_TABLES_MAX]);

/* Flushes stdout. Returns `status`, or the exit status of a write error. */
int command_finish_output(int status);

/* Defined in cmd_<name>.c. */
extern const CommandUsage usage_bench, usage_bill, usage_config, usage_dead, usage_doctor,
    usage_events, usage_gateway, usage_key, usage_list, usage_metrics, usage_reprocess, usage_run,
    usage_schedule, usage_setup, usage_show, usage_sign, usage_stats, usage_sweep, usage_sync,
    usage_trigger;
int cmd_bench(Context *context, GError **error);
int cmd_bill(Context *context, GError **error);
int cmd_config(Context *context, GError **error);
int cmd_dead(Context *context, GError **error);
int cmd_doctor(Context *context, GError **error);
int cmd_events(Context *context, GError **error);
int cmd_gateway(Context *context, GError **error);
int cmd_key(Context *context, GError **error);
int cmd_list(Context *context, GError **error);
int cmd_metrics(Context *context, GError **error);
int cmd_reprocess(Context *context, GError **error);
int cmd_run(Context *context, GError **error);
int cmd_schedule(Context *context, GError **error);
int cmd_setup(Context *context, GError **error);
int cmd_show(Context *context, GError **error);
int cmd_sign(Context *context, GError **error);
int cmd_stats(Context *context, GError **error);
int cmd_sweep(Context *context, GError **error);
int cmd_sync(Context *context, GError **error);
int cmd_trigger(Context *context, GError **error);
