/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a configuration file: sections, and lines `key = value`. A ConfigSchema lists the
 * sections and keys that a file may have. */
#pragma once

#include "config/config_table.h"

#include <stdio.h>

/* For each section and row the name of the file that has it; NULL if none has. */
typedef const char *ConfigOrigins[CONFIG_SECTIONS_MAX][CONFIG_ROWS_MAX];

/*
 * Reads `text` into the configuration `base`, which has the fields of `schema`. `name` stands for
 * the file in messages and in `origins`, and must live as long as `base`. Options that the text
 * does not set keep their values. A section that `base` has already is an error. Errors:
 * ERROR_CONFIG "thumbq.conf:12: unknown key 'qualty' in [rendition]; did you mean 'quality'?";
 * `base` then holds a part of the text and has to be freed.
 */
bool config_text_read(const ConfigSchema *schema, void *base, ConfigOrigins *origins,
                      const char *text, const char *name, GError **error);

/* Prints all options, each with its help as a comment. `origins` NULL: without the files. */
void config_text_print(const ConfigSchema *schema, const void *base, const ConfigOrigins *origins,
                       FILE *out);

/*
 * As config_text_read, for a Config. A `fragment` may not set path and state.
 */
bool config_file_read(Config *config, const char *text, const char *name, bool fragment,
                      GError **error);

/*
 * Reads the files of conf.d in the state folder `state_fd`, in the order of their names, and
 * appends the path and the text of each; the arrays own both. A missing folder is no error. Limits:
 * at most CONFIG_FRAGMENTS_MAX files and CONFIG_FILE_MAX bytes. Errors: as config_load.
 */
bool config_fragments_read(int state_fd, GPtrArray *paths, GPtrArray *texts, GError **error);

/* Prints all options, each with its help as a comment. */
void config_file_print(const Config *config, FILE *out);

/*
 * Finds the value of `path` in [bucket] in the text of a file, without checking the rest of the
 * file; NULL if there is none. Owner: the caller frees.
 */
char *config_peek_path(const char *text);
