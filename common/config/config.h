/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one table of options (config_table.c) with type, range, default and help for
 * each, read from an INI file, printed by `thumbq config`.
 *
 * A Config is immutable after config_load; pointers into it are borrowed and live as long as it
 * does.
 */
#pragma once

#include "config/settings.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Reads the file at `path`; NULL means the built-in defaults. Errors: ERROR_CONFIG "thumbq.conf:12:
 * unknown key 'qualty' in [rendition small]; did you mean 'quality'?"; ERROR_NOT_FOUND, ERROR_IO
 * for the file itself. Owner: config_free.
 */
Config *config_load(const char *path, GError **error);

/*
 * As config_load, for the file `name` below the folder `dir_fd`. Both open the file as trusted.h
 * says.
 */
Config *config_load_at(int dir_fd, const char *name, GError **error);

/*
 * Reads `main` and the files conf.d/NAME.conf of the state folder `state_fd`, in the order of their
 * names, as if all were one file. The further files cannot set [bucket] path and state. Limits:
 * CONFIG_FRAGMENTS_MAX files of CONFIG_FILE_MAX bytes together. Errors: as config_load. Owner:
 * config_free.
 */
Config *config_with_fragments(const Config *main, int state_fd, GError **error);

/* Returns "NAME" or "NAME:ALIAS" of a trigger with `run = invoke ...`; NULL for other triggers.
 * Borrowed. */
const char *config_trigger_function(const TriggerConfig *trigger);

/*
 * Returns the name of the file that has the schedule; "defaults" for the built-in schedule.
 * Borrowed.
 */
const char *config_schedule_file(const Config *config, const ScheduleConfig *schedule);

/* As config_load, from text; `name` stands for the file in messages. */
Config *config_parse(const char *text, const char *name, GError **error);

/*
 * Replaces the renditions by one per size in `sizes` ("256x256,1024x768"). Each is named after its
 * size and has the default options of a rendition. Errors: ERROR_USAGE.
 */
bool config_set_sizes(Config *config, const char *sizes, GError **error);

/* Sets `concurrency` from text. Errors: ERROR_USAGE. */
bool config_set_jobs(Config *config, const char *jobs, GError **error);

/* Sets `isolation` from text. Errors: ERROR_USAGE. */
bool config_set_isolation(Config *config, const char *isolation, GError **error);

/* Prints all options as a file that config_load can read, each with its help as a comment. */
void config_print(const Config *config, FILE *out);

/*
 * Sets the options that only a restart can change (prefix, state, durability) back to their values
 * in `old`. Returns the names of the options that differed, separated by ", "; NULL if none did.
 * Owner: the caller frees.
 */
char *config_restore_fixed(Config *config, const Config *old);

/*
 * Lists the differences between `config` and `old`: "concurrency, [rendition small]"; NULL if there
 * are none. Owner: the caller frees.
 */
char *config_changes(const Config *config, const Config *old);

void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/*
 * True if the file or folder `name` at `path` (a key that ends in `name`) matches a pattern of
 * `ignore`. The folders above it are not checked.
 */
bool config_ignores_entry(const Config *config, const char *name, const char *path);

/* True if `key`, or any folder above it, matches a pattern of `ignore`. */
bool config_ignores(const Config *config, const char *key);
