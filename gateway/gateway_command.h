/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the program, one file each: cmd_<name>.c. */
#pragma once

#include "gateway_keys.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    const char *name, *arguments, *summary;
    /* Runs the command. `arguments` are the words after its name, NULL-terminated. Returns the exit
     * status, or -1 with *error. */
    int (*run)(char **arguments, GError **error);
} GatewayCommand;

extern const GatewayCommand command_check, command_gateway, command_key, command_setup,
    command_sign;

/* The folders of a command. Owned. */
typedef struct {
    /* The state folder, and the folder of the buckets (NULL: none is given). */
    char *state, *root;
    /* Neither --state nor --root names the state folder. */
    bool is_default_state;
} CommandPlace;

void command_place_clear(CommandPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandPlace, command_place_clear)

/*
 * Parses the options in `entries`, and those for the state folder and the root. *arguments becomes
 * the command's name and the words that are not options. The caller owns *arguments, and clears
 * *ret_place. Returns -1 where the command has to go on, and on error; else the exit status, after
 * --help. Errors: ERROR_USAGE.
 */
int command_parse(const GatewayCommand *command, const GOptionEntry *entries, char ***arguments,
                  CommandPlace *ret_place, GError **error);

/*
 * Takes the state folder of the gateway that serves the folder `bucket`, if the command line names
 * one. Does nothing with `bucket` NULL. Errors: ERROR_USAGE if --state or --root was given, too;
 * ERROR_NOT_FOUND if there is no such folder.
 */
bool command_set_bucket(CommandPlace *place, const char *bucket, GError **error);

/* Opens the keys of the state folder `state`. The caller closes *ret_fd, which has to outlive the
 * keys. Owner: keys_free. Errors: those of state_folder_open and keys_open. */
Keys *command_open_keys(const char *state, int *ret_fd, GError **error);
