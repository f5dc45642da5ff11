/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line options: tables of rows, one parser and one help text for all commands.
 *
 * A row names an option and the field that takes its value; a group is a table with the struct that
 * its fields lie in. Options may stand before or after the arguments, as `--name VALUE` or
 * `--name=VALUE`; `--` ends them; of an option given twice the last one holds. Names are never
 * abbreviated. Used by command.c alone; commands write the rows.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum {
    OPTION_FLAG,  /* bool; takes no value; its name may have an '=' in it: "csv=raw" */
    OPTION_TEXT,  /* const char *, borrowed from the command line */
    OPTION_COUNT, /* uint64_t, 1 or more */
} OptionKind;

typedef struct {
    const char *name; /* without the dashes; NULL ends a table */
    OptionKind kind;
    const char *value; /* what the help calls its value, "a|b" if it is one of them, DIR or FILE if
                          it is that: shells complete it then; NULL for a flag */
    size_t offset;     /* of the field in the struct of the group */
    const char *help;  /* NULL: a form of another option, which its help tells of */
} Option;

typedef struct {
    const char *title;     /* heading in the help */
    const Option *options; /* up to a row without a name */
    void *values;          /* the struct that the offsets are into; all zero before options_parse */
} OptionGroup;

/*
 * Reads `args` (NULL-terminated, without program and command) into the groups' structs and appends
 * what is no option to `arguments`, borrowed. Errors: ERROR_USAGE, with the nearest name for an
 * unknown one.
 */
bool options_parse(const OptionGroup *groups, size_t n_groups, char *const *args,
                   GPtrArray *arguments, GError **error);

/* Writes the group for the help: its title, then a line or more per option, aligned. */
void options_print(const OptionGroup *group, FILE *out);
