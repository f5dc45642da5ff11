/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion of command lines for shells: `thumbq complete WORD...`. The shell scripts in
 * packaging/completions/ only call it and show the result, so that commands and options are listed
 * in one place only.
 */
#pragma once

#include "command.h"

/*
 * Prints the possible completions of the last word of `words`, one on each line, with a tab and a
 * short description where there is one. `words` is NULL-terminated and begins after `thumbq`; its
 * last word may be incomplete or empty. A line ":folders" or ":files" asks the shell to complete
 * names of folders or files. A wrong command line is no error: nothing is printed.
 */
void complete_print(const Command *commands, size_t n_commands, char *const *words);
