/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line options: tables of rows, with one parser and one help text for all commands.
 *
 * A row names an option and the field for its value. A group is a table with the struct that has
 * the fields. Options may precede or follow the arguments, as `--name VALUE` or `--name=VALUE`.
 * `--` ends the options. The last value of a repeated option is used. Names cannot be abbreviated.
 * Only command.c calls the parser; commands define the rows.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum {
    /* A bool. It takes no value. Its name may contain '=', as in "csv=raw". */
    OPTION_FLAG,
    /* A `const char *`, borrowed from the command line. */
    OPTION_TEXT,
    /* A uint64_t, 1 or more. */
    OPTION_COUNT,
} OptionKind;

typedef struct {
    /* Name without the dashes. NULL ends a table. */
    const char *name;
    OptionKind kind;
    /* Name of the value in the help. "a|b" lists the possible values; DIR and FILE make shells
     * complete folders and files. NULL for a flag. */
    const char *value;
    /* Offset of the field in the group's struct. */
    size_t offset;
    /* NULL if the help of another option describes this one. */
    const char *help;
} CommandOption;

typedef struct {
    /* Heading in the help. */
    const char *title;
    /* Ends with a row without a name. */
    const CommandOption *options;
    /* The struct with the fields. All zero before options_parse. */
    void *values;
} OptionGroup;

/*
 * Parses `args`, the NULL-terminated arguments after program and command, into the groups' structs.
 * Appends the arguments that are no options to `arguments`, borrowed. Errors: ERROR_USAGE, with the
 * nearest name for an unknown option.
 */
bool options_parse(const OptionGroup *groups, size_t n_groups, char *const *args,
                   GPtrArray *arguments, GError **error);

/* Prints the help of a group: its title, then one or more aligned lines for each option. */
void options_print(const OptionGroup *group, FILE *out);
